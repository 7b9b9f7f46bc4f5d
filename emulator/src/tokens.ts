import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, importJWK, type JWK, jwtVerify, SignJWT } from 'jose'

/** The one tenant of the emulator. Reserved: a token of this tenant proves that no real cloud issued it. */
export const TENANT = '10ca1e00-0000-4000-8000-000000000001'
/** The one subscription of the emulator, reserved in the same way. */
export const SUBSCRIPTION = '10ca1e00-0000-4000-8000-00000000000a'
export const ISSUER = `https://sts.windows.net/${TENANT}/`
/** The application that the emulator knows from the start; `holdfast local env` prints it. */
export const CLIENT_ID = '10ca1e00-0000-4000-8000-0000000000c1'
export const CLIENT_SECRET = 'emulator-only'

/** Who a request comes from, as the token says. */
export interface Caller {
  /** Object id, or `anonymous`, `sas`, `shared-key` where no token is used. */
  readonly id: string
  readonly audience: string
}

/** Signs and checks access tokens. Every process of one emulator shares the key in its folder. */
export interface Tokens {
  issue(claims: {
    readonly subject: string
    readonly audience: string
    readonly lifetimeSeconds: number
  }): Promise<string>
  /** The caller, or `undefined` where the token is forged, expired or another issuer's. */
  verify(token: string): Promise<Caller | undefined>
  /** Public keys in the form of a JWKS document. */
  readonly keys: { readonly keys: readonly JWK[] }
}

/** Opens the signing key in `dir`, making it on first use. `skewed` is how far the clock is wrong by which tokens are judged. */
export async function openTokens(dir: string, skewed: () => number = () => 0): Promise<Tokens> {
  const milliseconds = () => Date.now() + skewed()
  const { privateJwk, publicJwk } = await keyPair(join(dir, 'signing-key.json'))
  const privateKey = await importJWK(privateJwk, 'RS256')
  const publicKey = await importJWK(publicJwk, 'RS256')
  const verified = new Map<string, { readonly caller: Caller; readonly expires: number }>()

  async function issue(claims: { subject: string; audience: string; lifetimeSeconds: number }): Promise<string> {
    const now = Math.floor(milliseconds() / 1000)
    return new SignJWT({
      appid: claims.subject,
      oid: claims.subject,
      tid: TENANT,
      ver: '1.0',
      uti: crypto.randomUUID(),
    })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: publicJwk.kid ?? '' })
      .setIssuer(ISSUER)
      .setSubject(claims.subject)
      .setAudience(claims.audience)
      .setIssuedAt(now)
      .setNotBefore(now - 5)
      .setExpirationTime(now + claims.lifetimeSeconds)
      .sign(privateKey)
  }

  async function verify(token: string): Promise<Caller | undefined> {
    const known = verified.get(token)
    if (known !== undefined && known.expires > milliseconds()) return known.caller
    try {
      const { payload } = await jwtVerify(token, publicKey, {
        issuer: ISSUER,
        clockTolerance: 30,
        currentDate: new Date(milliseconds()),
      })
      const caller = { id: String(payload['oid']), audience: String(payload.aud) }
      if (verified.size > 1000) verified.clear()
      verified.set(token, { caller, expires: (payload.exp ?? 0) * 1000 })
      return caller
    } catch {
      verified.delete(token)
      return undefined
    }
  }

  return { issue, verify, keys: { keys: [publicJwk] } }
}

async function keyPair(path: string): Promise<{ privateJwk: JWK; publicJwk: JWK }> {
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8'))
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  const extra = { kid: crypto.randomUUID(), alg: 'RS256', use: 'sig' }
  const pair = {
    privateJwk: { ...(await exportJWK(privateKey)), ...extra },
    publicJwk: { ...(await exportJWK(publicKey)), ...extra },
  }
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, JSON.stringify(pair), { mode: 0o600 })
  return pair
}
