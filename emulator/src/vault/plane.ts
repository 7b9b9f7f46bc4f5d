import { bearer } from '../arm/authenticate.ts'
import type { Resource } from '../arm/resources.ts'
import { unloggedBody } from '../body-bytes.ts'
import type { Call, Plane, Reply } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { offersOf, type Route, router, UNFINISHED } from '../router.ts'
import { TENANT } from '../tokens.ts'
import type { SecretVersion, VaultSecrets } from './secrets.ts'

const SUFFIX = '.vault.azure.net'
const AUDIENCES = new Set(['https://vault.azure.net', 'cfa8b339-82a2-471a-a3c9-0fc0be7a4093'])
const LIMIT = 64 * 1024
/** The service's limit of a secret. */
const LONGEST_VALUE = 25_000
const NAME = /^[0-9a-zA-Z-]{1,127}$/

/** Secrets of key vaults, as clients and deployments read and set them. Keys and certificates there are none. */
export function keyVault(region: Region): Plane {
  const secrets = region.vaultSecrets
  const routes: readonly Route[] = [
    ['PUT', '/secrets/:name', 'SetSecret', (call, params) => set(call, params, secrets)],
    ['GET', '/secrets/:name', 'GetSecret', (call, params) => get(call, params, secrets)],
    ['GET', '/secrets/:name/versions', 'GetSecretVersions', UNFINISHED],
    ['GET', '/secrets/:name/:version', 'GetSecret', (call, params) => get(call, params, secrets)],
    ...(['GET', 'PUT', 'POST', 'PATCH', 'DELETE'] as const).map(
      (method): Route => [method, '/*', `KeyVault ${method}`, UNFINISHED],
    ),
  ]
  const find = router(routes)
  return {
    name: 'vault',
    offers: offersOf(routes),
    serves: (host) => host.endsWith(SUFFIX),
    authenticate: (call) => bearer(call, region.tokens, AUDIENCES).catch((thrown) => challenge(thrown)),
    handle: (call) => find(call),
    refuse: ({ status, code, message, headers }) => ({ status, headers, body: { error: { code, message } } }),
  }
}

/** Clients ask without a token first, and learn here whose token the vault wants. */
function challenge(thrown: unknown): never {
  if (!(thrown instanceof Refusal)) throw thrown
  throw new Refusal(401, 'Unauthorized', thrown.message, {
    'www-authenticate': `Bearer authorization="https://login.microsoftonline.com/${TENANT}", resource="https://vault.azure.net"`,
  })
}

async function set(call: Call, params: Readonly<Record<string, string>>, secrets: VaultSecrets): Promise<Reply> {
  const { name = '' } = params
  const vault = vaultOf(call, secrets)
  if (!NAME.test(name)) throw bad(`The request URI contains an invalid name: ${name}`)
  const sent = bodyIn(await unloggedBody(call, LIMIT))
  const { value, contentType, tags, attributes } = sent
  if (typeof value !== 'string') throw bad("Property 'value' is required and must be a text.")
  if (value.length > LONGEST_VALUE) throw bad(`Property 'value' is over the limit of ${LONGEST_VALUE} characters.`)
  const given = {
    value,
    ...(typeof contentType === 'string' ? { contentType } : {}),
    ...(typeof tags === 'object' && tags !== null ? { tags: { ...tags } } : {}),
    ...attributesIn(attributes),
  }
  return call.commit(() => {
    const made = secrets.set(vault.id, name, given)
    return { status: 200, body: bundle(call, name, made), note: { subject: `${vault.id}/secrets/${name}` } }
  })
}

function attributesIn(sent: unknown): Pick<SecretVersion, 'enabled' | 'nbf' | 'exp'> {
  const { enabled, nbf, exp } = { ...(sent as Readonly<Record<string, unknown>> | null | undefined) }
  return {
    enabled: enabled !== false,
    ...(typeof nbf === 'number' ? { nbf } : {}),
    ...(typeof exp === 'number' ? { exp } : {}),
  }
}

function get(call: Call, params: Readonly<Record<string, string>>, secrets: VaultSecrets): Reply {
  const { name = '', version } = params
  const vault = vaultOf(call, secrets)
  const found = secrets.get(vault.id, name, version)
  if (found === undefined) {
    const message = `A secret with (name/id) ${name}${version === undefined ? '' : `/${version}`} was not found in this key vault. If you recently deleted this secret you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182`
    throw new Refusal(404, 'SecretNotFound', message)
  }
  if (!found.enabled) throw new Refusal(403, 'Forbidden', 'Operation get is not allowed on a disabled secret.')
  return { status: 200, body: bundle(call, name, found) }
}

function vaultOf(call: Call, secrets: VaultSecrets): Resource {
  const found = secrets.vault(call.host.slice(0, -SUFFIX.length))
  if (found !== undefined) return found
  throw new Refusal(404, 'VaultNotFound', `The vault '${call.host}' was not found.`)
}

function bundle(call: Call, name: string, made: SecretVersion): object {
  const seconds = Math.floor(Date.parse(made.createdAt) / 1000)
  const { value, version, contentType, tags, enabled, nbf, exp } = made
  return {
    value,
    id: `${call.origin}/secrets/${name}/${version}`,
    ...(contentType === undefined ? {} : { contentType }),
    attributes: { enabled, nbf, exp, created: seconds, updated: seconds, recoveryLevel: 'Recoverable+Purgeable' },
    ...(tags === undefined ? {} : { tags }),
  }
}

function bodyIn(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(bytes.toString('utf8'))
    if (typeof body === 'object' && body !== null) return { ...body }
  } catch {
    // Said below.
  }
  throw bad('The body is not a JSON object.')
}

function bad(message: string): Refusal {
  return new Refusal(400, 'BadParameter', message)
}
