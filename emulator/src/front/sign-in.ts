import { randomUUID } from 'node:crypto'
import type { Call, Handler, Plane, Reply } from '../call.ts'
import { notImplemented, Refusal } from '../refusal.ts'
import { offersOf, type Route, router, UNFINISHED } from '../router.ts'
import { CLIENT_ID, CLIENT_SECRET, ISSUER, TENANT, type Tokens } from '../tokens.ts'

const HOST = 'login.microsoftonline.com'
const HOSTS: ReadonlySet<string> = new Set([HOST, 'login.windows.net', 'login.microsoft.com', 'sts.windows.net'])
/** Names that clients use where they do not know the tenant. */
const ANY_TENANT: ReadonlySet<string> = new Set(['common', 'organizations', TENANT])
const LIFETIME_SECONDS = 3599

/** Microsoft Entra's sign-in, for the one application that the emulator knows. */
export function signIn(tokens: Tokens): Plane {
  const routes = routesOf(tokens)
  return {
    name: 'signin',
    offers: offersOf(routes),
    serves: (host) => HOSTS.has(host),
    authenticate: async () => ({ id: 'anonymous', audience: '' }),
    handle: router(routes),
    refuse: entraError,
  }
}

function routesOf(tokens: Tokens): readonly Route[] {
  const keys = () => ({ status: 200, body: tokens.keys })
  const v1: Handler = (call, { tenant = '' }) => discovery(call, tenant, 1)
  const v2: Handler = (call, { tenant = '' }) => discovery(call, tenant, 2)
  return [
    ['GET', '/:tenant/v2.0/.well-known/openid-configuration', 'openid_configuration', v2],
    ['GET', '/:tenant/.well-known/openid-configuration', 'openid_configuration', v1],
    ['GET', '/common/discovery/instance', 'instance_discovery', instances],
    ['GET', '/:tenant/discovery/v2.0/keys', 'keys', keys],
    ['GET', '/:tenant/discovery/keys', 'keys', keys],
    ['POST', '/:tenant/oauth2/v2.0/token', 'token', (call, params) => token(call, params, tokens)],
    ['POST', '/:tenant/oauth2/token', 'token_v1', (call, params) => token(call, params, tokens)],
    ['POST', '/:tenant/oauth2/v2.0/devicecode', 'devicecode', UNFINISHED],
    ['GET', '/:tenant/oauth2/v2.0/authorize', 'authorize', UNFINISHED],
  ]
}

function discovery(call: Call, tenant: string, version: 1 | 2): Reply {
  needTenant(tenant)
  const home = homeOf(call)
  const base = `${home}/${tenant}`
  const oauth = version === 2 ? `${base}/oauth2/v2.0` : `${base}/oauth2`
  return {
    status: 200,
    body: {
      token_endpoint: `${oauth}/token`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
      jwks_uri: version === 2 ? `${base}/discovery/v2.0/keys` : `${base}/discovery/keys`,
      response_modes_supported: ['query', 'fragment', 'form_post'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
      response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
      issuer: version === 2 ? `${home}/${TENANT}/v2.0` : ISSUER,
      authorization_endpoint: `${oauth}/authorize`,
      device_authorization_endpoint: `${oauth}/devicecode`,
      end_session_endpoint: `${oauth}/logout`,
      claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'oid', 'tid', 'ver'],
      tenant_region_scope: 'WW',
      cloud_instance_name: 'microsoftonline.com',
      cloud_graph_host_name: 'graph.windows.net',
      msgraph_host: 'graph.microsoft.com',
    },
  }
}

/** Where this sign-in is for the caller: at its own name, whichever alias was dialled, or at a door of the emulator's own cloud. */
function homeOf({ host, origin }: Call): string {
  return origin === `https://${host}` ? `https://${HOST}` : origin
}

function instances(call: Call): Reply {
  return {
    status: 200,
    body: {
      tenant_discovery_endpoint: `${homeOf(call)}/${TENANT}/v2.0/.well-known/openid-configuration`,
      'api-version': '1.1',
      metadata: [
        {
          preferred_network: HOST,
          preferred_cache: 'login.windows.net',
          aliases: [HOST, 'login.windows.net', 'login.microsoft.com', 'sts.windows.net'],
        },
      ],
    },
  }
}

async function token(call: Call, params: Readonly<Record<string, string>>, tokens: Tokens): Promise<Reply> {
  needTenant(params['tenant'] ?? '')
  const form = new URLSearchParams((await call.bytes()).toString('utf8'))
  const grant = form.get('grant_type')
  if (grant !== 'client_credentials') {
    throw new Refusal(
      400,
      'unsupported_grant_type',
      `AADSTS70003: The app requested an unsupported grant type '${grant}'.`,
    )
  }
  const { id, secret } = credentialsOf(call, form)
  if (id !== CLIENT_ID) {
    const message = `AADSTS700016: Application with identifier '${id}' was not found in the directory '${TENANT}'.`
    throw new Refusal(400, 'unauthorized_client', message)
  }
  if (secret !== CLIENT_SECRET) {
    const message = `AADSTS7000215: Invalid client secret provided for app '${id}'.`
    throw new Refusal(401, 'invalid_client', message)
  }
  return issued(form, id, tokens)
}

async function issued(form: URLSearchParams, subject: string, tokens: Tokens): Promise<Reply> {
  const scope = form.get('scope')
  const resource = form.get('resource')
  const audience =
    resource ??
    (scope ?? '')
      .split(' ')
      .find((one) => one.endsWith('/.default'))
      ?.slice(0, -9)
  if (audience === undefined || audience === '') {
    const message = `AADSTS1002012: The provided value for scope '${scope}' is not valid: it must end in '/.default'.`
    throw new Refusal(400, 'invalid_scope', message)
  }
  const accessToken = await tokens.issue({ subject, audience, lifetimeSeconds: LIFETIME_SECONDS })
  const now = Math.floor(Date.now() / 1000)
  const times =
    resource === null
      ? { expires_in: LIFETIME_SECONDS, ext_expires_in: LIFETIME_SECONDS }
      : {
          expires_in: String(LIFETIME_SECONDS),
          ext_expires_in: String(LIFETIME_SECONDS),
          expires_on: String(now + LIFETIME_SECONDS),
          not_before: String(now - 5),
          resource,
        }
  return {
    status: 200,
    headers: { 'cache-control': 'no-store, no-cache', pragma: 'no-cache' },
    body: { token_type: 'Bearer', ...times, access_token: accessToken },
    unlogged: true,
  }
}

/** Id and secret of the application, from the form or from Basic authorization. */
function credentialsOf(call: Call, form: URLSearchParams): { readonly id: string; readonly secret: string } {
  const [scheme, value = ''] = (call.headers.authorization ?? '').split(' ')
  if (scheme?.toLowerCase() === 'basic') {
    const [id = '', secret = ''] = Buffer.from(value, 'base64').toString('utf8').split(':')
    return { id: decoded(id), secret: decoded(secret) }
  }
  if (form.has('client_assertion')) throw notImplemented('token with client_assertion')
  return { id: form.get('client_id') ?? '', secret: form.get('client_secret') ?? '' }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Refusal(
      400,
      'invalid_request',
      'AADSTS900144: The credentials in the Authorization header are not encoded as they must be.',
    )
  }
}

function needTenant(tenant: string): void {
  if (ANY_TENANT.has(tenant.toLowerCase())) return
  throw new Refusal(400, 'invalid_tenant', `AADSTS90002: Tenant '${tenant}' not found.`)
}

function entraError(refusal: Parameters<Plane['refuse']>[0], call: Call): Reply {
  const { status, code, message, headers } = refusal
  const trace = call.id
  const correlation = randomUUID()
  const timestamp = `${new Date().toISOString().slice(0, 19).replace('T', ' ')}Z`
  const number = /^AADSTS(\d+)/.exec(message)?.[1]
  const codes = number === undefined ? [] : [Number(number)]
  return {
    status,
    headers,
    body: {
      error: code,
      error_description: `${message} Trace ID: ${trace} Correlation ID: ${correlation} Timestamp: ${timestamp}`,
      error_codes: codes,
      timestamp,
      trace_id: trace,
      correlation_id: correlation,
      ...(number === undefined ? {} : { error_uri: `https://${HOST}/error?code=${number}` }),
    },
  }
}
