import type { AccessToken } from '@azure/core-auth'
import { describe, expect, it } from 'vitest'
import { demandLocal, demandLocalUrl, keptTokens, LOCAL_SUBSCRIPTION, LOCAL_TENANT } from './credentials.ts'
import { openAzure } from './open-azure.ts'
import { openTransport, surroundingsOf } from './transport.ts'

const signal = AbortSignal.timeout(10_000)
const MINUTE = 60_000

function tokensOf(local = false) {
  let now = 0
  let asked = 0
  let broken = false
  const getToken = async (): Promise<AccessToken> => {
    asked++
    if (broken) throw new Error('sign-in is down; client_secret=TOPSECRET')
    return { token: `token ${asked}`, expiresOnTimestamp: now + 60 * MINUTE }
  }
  const tokens = keptTokens({ getToken }, { local, now: () => now })
  return {
    tokens,
    asked: () => asked,
    pass: (milliseconds: number) => {
      now += milliseconds
    },
    breakDown: (is: boolean) => {
      broken = is
    },
  }
}

function jwt(claims: Readonly<Record<string, string>>): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`
}

describe('tokens', () => {
  it('are asked for once, and anew when half of their life is gone', async () => {
    const { tokens, asked, pass } = tokensOf()
    expect(await Promise.all([1, 2, 3].map(() => tokens.token('a', signal)))).toEqual(['token 1', 'token 1', 'token 1'])
    pass(31 * MINUTE)
    expect(await tokens.token('a', signal)).toBe('token 1')
    await new Promise((resolve) => setImmediate(resolve))
    expect(asked()).toBe(2)
    expect(await tokens.token('a', signal)).toBe('token 2')
  })

  it('outlast a sign-in that is down, until they end', async () => {
    const { tokens, pass, breakDown } = tokensOf()
    await tokens.token('a', signal)
    breakDown(true)
    for (let minutes = 0; minutes < 55; minutes += 5) {
      pass(5 * MINUTE)
      expect(await tokens.token('a', signal)).toBe('token 1')
    }
    pass(5 * MINUTE)
    const failed = await tokens.token('a', signal).catch((thrown: unknown) => thrown)
    expect(failed).toMatchObject({ code: 'azure/signin' })
    expect(String((failed as Error).message)).not.toContain('TOPSECRET')
    breakDown(false)
    expect(await tokens.token('a', signal)).toMatch(/^token/)
  })

  it('are waited for no longer than whoever asks can wait, nor than a sign-in may take, where one hangs without end', async () => {
    let hangs = true
    const getToken = (): Promise<AccessToken> =>
      hangs ? new Promise(() => undefined) : Promise.resolve({ token: 'token', expiresOnTimestamp: 60 * MINUTE })
    const tokens = keptTokens({ getToken }, { local: false, now: () => 0, signInMilliseconds: 100 })
    await expect(tokens.token('a', AbortSignal.timeout(1))).rejects.toMatchObject({ name: 'TimeoutError' })
    await expect(tokens.token('a', signal)).rejects.toMatchObject({ code: 'azure/signin' })
    hangs = false
    expect(await tokens.token('a', signal)).toBe('token')
  })

  it('are kept apart by audience, and forgotten where they were refused', async () => {
    const { tokens } = tokensOf()
    expect(await tokens.token('a', signal)).toBe('token 1')
    expect(await tokens.token('b', signal)).toBe('token 2')
    tokens.forget('a')
    expect(await tokens.token('a', signal)).toBe('token 3')
  })
})

describe('in local mode', () => {
  const notEmulator = expect.objectContaining({ code: 'azure/not-emulator' })

  it('takes no token of a real tenant', async () => {
    const real = jwt({ tid: '72f988bf-86f1-41af-91ab-2d7cd011db47', iss: 'https://sts.windows.net/72f988bf/' })
    const mixed = jwt({ tid: LOCAL_TENANT, iss: 'https://sts.windows.net/72f988bf/' })
    for (const token of [real, mixed, 'opaque']) expect(() => demandLocal(token)).toThrow(notEmulator)
    demandLocal(jwt({ tid: LOCAL_TENANT, iss: `https://sts.windows.net/${LOCAL_TENANT}/` }))
    await expect(tokensOf(true).tokens.token('a', signal)).rejects.toEqual(notEmulator)
  })

  it('names no other subscription than the reserved one', () => {
    expect(() => demandLocalUrl('https://management.azure.com/subscriptions/0000/x')).toThrow(notEmulator)
    demandLocalUrl(`https://management.azure.com/subscriptions/${LOCAL_SUBSCRIPTION}/x`)
    demandLocalUrl('https://management.azure.com/tenants')
  })

  it('does nothing without the proxy, the authority or the application of the emulator', () => {
    const whole = {
      HOLDFAST_LOCAL: '1',
      HTTPS_PROXY: 'http://127.0.0.1:1',
      HOLDFAST_LOCAL_CA: new URL(import.meta.url).pathname,
      AZURE_TENANT_ID: LOCAL_TENANT,
      AZURE_CLIENT_ID: 'c',
      AZURE_CLIENT_SECRET: 's',
    }
    for (const lost of ['HTTPS_PROXY', 'HOLDFAST_LOCAL_CA', 'AZURE_TENANT_ID', 'AZURE_CLIENT_SECRET']) {
      const env = { ...whole, [lost]: undefined }
      expect(() => openAzure({ surroundings: surroundingsOf(env) }), lost).toThrow(notEmulator)
    }
    openTransport(surroundingsOf(whole), 1000).close()
  })
})
