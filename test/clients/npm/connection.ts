import { readFileSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { DefaultAzureCredential } from '@azure/identity'
import type { TestEmulator } from '../../support/emulator.ts'

/** What Microsoft's packages need of a test: no option names a proxy, an authority or a certificate. */
export interface Connection {
  readonly subscription: string
  readonly credential: DefaultAzureCredential
}

/** Gives this process the environment that `holdfast local env` exports, as if it had been started with it. */
export function enter(emulator: TestEmulator): Connection {
  Object.assign(process.env, emulator.env)
  // Node reads NODE_EXTRA_CA_CERTS at its start alone.
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(emulator.caPath, 'utf8')])
  return { subscription: emulator.subscription, credential: new DefaultAzureCredential() }
}

/** Everything of a list, to its last page. */
export async function allOf<T>(list: AsyncIterable<T>): Promise<readonly T[]> {
  return await Array.fromAsync(list)
}

/** Code and status of the error with which a promise ends. */
export async function errorOf(promise: Promise<unknown>): Promise<readonly [code: string, status: number | undefined]> {
  try {
    await promise
    return ['nothing', undefined]
  } catch (failure) {
    const { code, name, statusCode } = failure as { code?: string; name: string; statusCode?: number }
    return [code ?? name, statusCode]
  }
}
