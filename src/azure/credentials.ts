import type { AccessToken, TokenCredential } from '@azure/core-auth'
import type { HttpClient } from '@azure/core-rest-pipeline'
import { ClientSecretCredential, DefaultAzureCredential } from '@azure/identity'
import { Fault } from '../core/errors.ts'
import { redacted } from './redact.ts'
import type { Surroundings } from './transport.ts'

/** Tenant and subscription that only the emulator has. A token of this tenant proves that no real cloud issued it. */
export const LOCAL_TENANT = '10ca1e00-0000-4000-8000-000000000001'
export const LOCAL_SUBSCRIPTION = '10ca1e00-0000-4000-8000-00000000000a'

/**
 * Tokens by audience, asked for early and kept: a sign-in that fails during an outage is noticed
 * only when the last token has run out.
 */
export interface Tokens {
  /** Throws `azure/signin` where none can be had, `azure/not-emulator` where a local one is not the emulator's. */
  token(audience: string, signal: AbortSignal): Promise<string>
  /** Drops what is kept for an audience, because it was refused. */
  forget(audience: string): void
  /** The same as a credential of the vendor's clients. */
  readonly credential: TokenCredential
}

interface Kept {
  readonly token: string
  readonly from: number
  readonly until: number
}

/** A token is used until this long before it ends. */
const LAST_MILLISECONDS = 30_000
/** How long a sign-in may take. */
const SIGNIN_MILLISECONDS = 20_000
/** After a sign-in that failed while a token is still good, the next is tried this much later. */
const AGAIN_MILLISECONDS = 10_000

export function openTokens(surroundings: Surroundings, client: HttpClient, now: () => number = Date.now): Tokens {
  return keptTokens(credentialOf(surroundings, client), { local: surroundings.local, now })
}

interface KeptOptions {
  readonly local: boolean
  readonly now: () => number
  readonly signInMilliseconds?: number
}

/** Tokens of a credential. */
export function keptTokens(
  source: TokenCredential,
  { local, now, signInMilliseconds = SIGNIN_MILLISECONDS }: KeptOptions,
): Tokens {
  const kept = new Map<string, Kept>()
  const asking = new Map<string, Promise<Kept>>()
  const notBefore = new Map<string, number>()

  function ask(audience: string): Promise<Kept> {
    const underWay = asking.get(audience)
    if (underWay !== undefined) return underWay
    const from = now()
    const asked = signIn(source, audience, signInMilliseconds)
      .then(({ token, expiresOnTimestamp }) => {
        if (local) demandLocal(token)
        const got = { token, from, until: expiresOnTimestamp }
        kept.set(audience, got)
        return got
      })
      .finally(() => asking.delete(audience))
    asking.set(audience, asked)
    return asked
  }

  async function token(audience: string, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted()
    const held = kept.get(audience)
    if (held === undefined || held.until - now() < LAST_MILLISECONDS)
      return (await orEnded(ask(audience), signal)).token
    const isHalfGone = now() - held.from > (held.until - held.from) / 2
    if (isHalfGone && now() >= (notBefore.get(audience) ?? 0)) {
      notBefore.set(audience, now() + AGAIN_MILLISECONDS)
      // The kept token is still good: a failure here is met again, and thrown, when it no longer is.
      ask(audience).catch(() => undefined)
    }
    return held.token
  }

  return {
    token,
    forget: (audience) => void kept.delete(audience),
    credential: {
      getToken: async (scopes, options) => {
        const audience = audienceOf(typeof scopes === 'string' ? scopes : (scopes[0] ?? ''))
        const signal = (options?.abortSignal as AbortSignal | undefined) ?? AbortSignal.timeout(signInMilliseconds)
        const text = await token(audience, signal)
        const until = kept.get(audience)?.until ?? now() + LAST_MILLISECONDS
        // The vendor's policies keep tokens themselves: a short life makes them ask here again.
        return { token: text, expiresOnTimestamp: Math.min(until, now() + 5 * 60_000) }
      },
    },
  }
}

async function signIn(source: TokenCredential, audience: string, milliseconds: number): Promise<AccessToken> {
  const abortSignal = AbortSignal.timeout(milliseconds)
  try {
    const got = await orEnded(source.getToken(`${audience}/.default`, { abortSignal }), abortSignal)
    if (got !== null) return got
    throw new Error('no token was given')
  } catch (thrown) {
    const message = redacted((thrown as Error).message ?? String(thrown)).split('\n')[0] ?? ''
    throw new Fault('azure/signin', `Sign-in for ${audience} gave no token: ${message.slice(0, 300)}`, {
      facts: { audience },
      hint: 'Sign in again, or look at the identity that Holdfast runs as.',
    })
  }
}

/** Waits no longer than the signal lets. Some ways to sign in, as another program that hangs, hear of no signal. */
async function orEnded<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>()
  const end = () => reject(signal.reason)
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  try {
    return await Promise.race([work, ended])
  } finally {
    signal.removeEventListener('abort', end)
  }
}

function credentialOf({ local, application }: Surroundings, httpClient: HttpClient): TokenCredential {
  const options = { httpClient, retryOptions: { maxRetries: 1, retryDelayInMs: 200 } }
  if (!local) return new DefaultAzureCredential(options)
  if (application === undefined || application.tenant.toLowerCase() !== LOCAL_TENANT) {
    throw notEmulator(`the tenant ${application?.tenant ?? 'of the environment'} is not the emulator's`)
  }
  return new ClientSecretCredential(application.tenant, application.id, application.secret, options)
}

/** Refuses a token that the emulator did not issue. */
export function demandLocal(token: string): void {
  const claims = claimsOf(token)
  const issuers = [`https://sts.windows.net/${LOCAL_TENANT}/`, `https://login.microsoftonline.com/${LOCAL_TENANT}/v2.0`]
  if (claims['tid'] === LOCAL_TENANT && issuers.includes(String(claims['iss']))) return
  throw notEmulator(`a token of the tenant ${String(claims['tid'] ?? 'unknown')} is not the emulator's`)
}

/** Refuses a URL that names a subscription which the emulator does not have. */
export function demandLocalUrl(url: string): void {
  const subscription = /\/subscriptions\/([^/?]+)/i.exec(url)?.[1]
  if (subscription === undefined || subscription.toLowerCase() === LOCAL_SUBSCRIPTION) return
  throw notEmulator(`the subscription ${subscription} is not the emulator's`)
}

function notEmulator(what: string): Fault {
  return new Fault('azure/not-emulator', `Holdfast works with the emulator, and ${what}`, {
    hint: 'Run `holdfast local env` and use what it prints, or unset HOLDFAST_LOCAL to work with the real Azure.',
  })
}

function claimsOf(token: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as Record<string, unknown>
  } catch {
    return {}
  }
}

function audienceOf(scope: string): string {
  return scope.replace(/\/\.default$/, '').replace(/\/$/, '')
}
