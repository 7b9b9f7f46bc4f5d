import type { Clock } from '../clock.ts'
import { Refusal } from '../refusal.ts'
import { withoutLastSlashes } from '../slashes.ts'
import { type Caller, TENANT, type Tokens } from '../tokens.ts'
import type { Account, Accounts, Container } from './accounts.ts'
import { forbidden, notAuthenticated } from './refusals.ts'
import { accountText, delegationKey, delegationText, type SasFields, serviceText } from './sas.ts'
import { checkBounds, checkTimes, sasOf } from './sas-bounds.ts'
import { equal, hmac, type Signed, sharedKeyHolds } from './shared-key.ts'
import type { Target } from './target.ts'

/** What an operation asks of a caller who holds no key. */
export interface Needs {
  /** Letters of which one is enough. Empty: no SAS is enough. */
  readonly permissions: string
  /** Resource type in an account SAS. */
  readonly type: 's' | 'c' | 'o'
  /** How open a container must be for a caller who proves nothing. */
  readonly openFrom?: 'blob' | 'container'
}

/** Who asks, and with which letters. `undefined` letters: everything. */
export interface Grant {
  readonly caller: Caller
  readonly letters: string | undefined
}

export interface Rules {
  readonly accounts: Accounts
  readonly tokens: Tokens
  readonly clock: Clock
}

/** Tells a client whose token it should bring. */
const CHALLENGE = {
  'www-authenticate': `Bearer authorization_uri=https://login.microsoftonline.com/${TENANT}/oauth2/authorize resource_id=https://storage.azure.com`,
}
const SKEW = 15 * 60 * 1000
/**
 * What a container's own SAS opens beside its blobs, by the letters that are asked for: their list, what tags find
 * of them, and batches. Never the container's properties.
 */
const OF_CONTAINER = new Set(['l', 'f', 'rwd'])

/** Finds out who asks for `target` and refuses what they may not do. */
export async function authorize(call: Signed, target: Target, needs: Needs, rules: Rules): Promise<Grant> {
  const account = rules.accounts.get(target.account)
  if (account === undefined) throw new Refusal(404, 'ResourceNotFound', 'The specified resource does not exist.')
  const [scheme = '', credential = ''] = (call.headers.authorization ?? '').split(' ')
  if (scheme === 'SharedKey' || scheme === 'SharedKeyLite') {
    const now = Date.now() + rules.clock.skewed()
    return bySharedKey(call, account, { credential, lite: scheme === 'SharedKeyLite', now })
  }
  if (scheme.toLowerCase() === 'bearer') return byToken(credential, account, rules.tokens)
  if (scheme !== '') throw notAuthenticated(`The scheme ${scheme} is not supported.`)
  if (call.query.has('sig')) return bySas(sasOf(call.query), { account, target, needs, rules })
  return anonymously(account, rules.accounts.container(target.account, target.container), needs)
}

function bySharedKey(call: Signed, account: Account, given: { credential: string; lite: boolean; now: number }): Grant {
  if (!account.sharedKeyAllowed) throw noSharedKey()
  const [name, signature = ''] = given.credential.split(':')
  const date = Date.parse(String(call.headers['x-ms-date'] ?? call.headers.date ?? ''))
  if (!(Math.abs(given.now - date) < SKEW)) throw notAuthenticated('The Date header in the request is incorrect.')
  const holds = account.keys.some((key) => sharedKeyHolds(call, account.name, { signature, key, lite: given.lite }))
  if (name !== account.name || !holds) {
    throw notAuthenticated('The MAC signature found in the HTTP request is not the same as any computed signature.')
  }
  return { caller: { id: 'shared-key', audience: '' }, letters: undefined }
}

async function byToken(token: string, account: Account, tokens: Tokens): Promise<Grant> {
  const caller = await tokens.verify(token)
  if (caller === undefined) throw unknownToken('Signature validation failed or the token has expired.')
  const audiences = ['https://storage.azure.com', `https://${account.name}.blob.core.windows.net`]
  if (!audiences.includes(withoutLastSlashes(caller.audience))) throw unknownToken('Audience validation failed.')
  return { caller, letters: undefined }
}

function anonymously(account: Account, container: Container | undefined, needs: Needs): Grant {
  const open = account.publicAccessAllowed ? (container?.access ?? 'none') : 'none'
  if (needs.openFrom === undefined || open === 'none' || (needs.openFrom === 'container' && open === 'blob')) {
    throw new Refusal(
      401,
      'NoAuthenticationInformation',
      'Server failed to authenticate the request. Please refer to the information in the www-authenticate header.',
      CHALLENGE,
    )
  }
  return { caller: { id: 'anonymous', audience: '' }, letters: 'rl' }
}

interface SasCase {
  readonly account: Account
  readonly target: Target
  readonly needs: Needs
  readonly rules: Rules
}

function bySas(sas: SasFields, one: SasCase): Grant {
  checkBounds(sas)
  const delegated = sas['skoid'] !== undefined
  if (!delegated && !one.account.sharedKeyAllowed) throw noSharedKey()
  const letters = sas['ss'] === undefined ? byServiceSas(sas, one, delegated) : byAccountSas(sas, one)
  const { permissions } = one.needs
  if (permissions === '') throw forbidden('AuthorizationFailure', '')
  if (![...permissions].some((letter) => letters.includes(letter))) {
    throw forbidden('AuthorizationPermissionMismatch', ' using this permission')
  }
  return { caller: { id: delegated ? (sas['skoid'] ?? '') : 'sas', audience: '' }, letters }
}

function byAccountSas(sas: SasFields, { account, needs, rules }: SasCase): string {
  const text = accountText(sas, account.name)
  if (!account.keys.some((key) => equal(hmac(key, text), sas['sig'] ?? ''))) throw forged()
  checkTimes(sas['st'], sas['se'], rules.clock.now())
  if (!sas['ss']?.includes('b')) throw forbidden('AuthorizationServiceMismatch', ' using this service')
  if (!sas['srt']?.includes(needs.type))
    throw forbidden('AuthorizationResourceTypeMismatch', ' using this resource type')
  return sas['sp'] ?? ''
}

function byServiceSas(sas: SasFields, one: SasCase, delegated: boolean): string {
  const { account, target, rules } = one
  const resource = `/blob/${account.name}/${signedResource(sas, target)}`
  if (delegated) {
    const key = delegationKey(account.delegationSecret, sas)
    if (!equal(hmac(key, delegationText(sas, resource)), sas['sig'] ?? '')) throw forged()
    if (sas['si'] !== undefined) throw notAuthenticated('A user delegation SAS has no access policy.')
    if (sas['sktid'] !== TENANT) throw notAuthenticated('The key was issued by another tenant.')
    checkTimes(sas['skt'], sas['ske'], rules.clock.now())
  } else {
    const text = serviceText(sas, resource)
    if (!account.keys.some((key) => equal(hmac(key, text), sas['sig'] ?? ''))) throw forged()
  }
  const policy = policyOf(sas, rules.accounts.container(target.account, target.container))
  checkTimes(sas['st'] || policy?.start, sas['se'] || policy?.expiry, rules.clock.now())
  if (target.level === 'service') throw forbidden('AuthorizationFailure', '')
  if (target.level === 'container' && !OF_CONTAINER.has(one.needs.permissions)) {
    throw forbidden('AuthorizationFailure', '')
  }
  return sas['sp'] || policy?.permission || ''
}

/** What a service SAS must have been signed for, to cover the target. */
function signedResource(sas: SasFields, target: Target): string {
  const whole = `${target.container}/${target.blob}`
  switch (sas['sr']) {
    case 'c':
      return target.container
    case 'b':
    case 'bs':
      return whole
    case 'd': {
      const depth = Number(sas['sdd'] ?? 0)
      return whole.split('/', depth + 1).join('/')
    }
    default:
      throw notAuthenticated(`The signed resource '${sas['sr'] ?? ''}' is not supported.`)
  }
}

function policyOf(sas: SasFields, container: Container | undefined): Container['policies'][number] | undefined {
  if (sas['si'] === undefined) return undefined
  const policy = container?.policies.find((one) => one.id === sas['si'])
  if (policy === undefined) throw notAuthenticated(`The access policy '${sas['si']}' is not there.`)
  const { start, expiry, permission } = policy
  const twice = Object.entries({ st: start, se: expiry, sp: permission }).find(([name, value]) => value && sas[name])
  if (twice === undefined) return policy
  throw notAuthenticated(`${twice[0]} is in the URL and in the access policy '${sas['si']}'.`)
}

function forged(): Refusal {
  return notAuthenticated('Signature did not match.')
}

function noSharedKey(): Refusal {
  return new Refusal(
    403,
    'KeyBasedAuthenticationNotPermitted',
    'Key based authentication is not permitted on this storage account.',
  )
}

function unknownToken(detail: string): Refusal {
  return new Refusal(
    401,
    'InvalidAuthenticationInfo',
    `Server failed to authenticate the request. ${detail}`,
    CHALLENGE,
  )
}
