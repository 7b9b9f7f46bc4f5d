import { readFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { createDefaultHttpClient, type HttpClient } from '@azure/core-rest-pipeline'
import { Fault } from '../core/errors.ts'
import { watchStandstill } from './standstill.ts'

/** How Azure is reached from here. */
export interface Surroundings {
  /** True where Azure is the emulator: nothing else may then be reached. */
  readonly local: boolean
  /** URL of the proxy; `undefined` for the direct way. */
  readonly proxy: string | undefined
  /** PEM file of the authority to trust; `undefined` for what Node trusts. */
  readonly caPath: string | undefined
  /** `undefined` where the environment names no application. */
  readonly application: Application | undefined
}

/** An application that signs in with its own secret. */
export interface Application {
  readonly tenant: string
  readonly id: string
  readonly secret: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** Reads what `holdfast local env` exports, or what a machine that reaches the real Azure has. */
export function surroundingsOf(env: Environment): Surroundings {
  const [tenant, id, secret] = [env['AZURE_TENANT_ID'], env['AZURE_CLIENT_ID'], env['AZURE_CLIENT_SECRET']]
  const known = tenant !== undefined && id !== undefined && secret !== undefined
  const local = !['', '0', 'false', undefined].includes(env['HOLDFAST_LOCAL']?.toLowerCase())
  return {
    local,
    proxy: env['HTTPS_PROXY'] ?? env['https_proxy'],
    caPath: env['HOLDFAST_LOCAL_CA'] ?? (local ? env['NODE_EXTRA_CA_CERTS'] : undefined),
    application: known ? { tenant, id, secret } : undefined,
  }
}

/** What of a request says how it is carried. */
export interface Carried {
  agent?: unknown
  timeout: number
}

/** What carries requests: one pool of connections that are kept. */
export interface Transport {
  readonly client: HttpClient
  /** Makes a request of a client that sends by itself go the same way. It may be sent when this resolves. */
  route(request: Carried): Promise<void>
  /** Ends every connection. */
  close(): void
}

/**
 * Opens the way to Azure. Towards the emulator only its own authority is trusted, so that no request
 * can end at a real host, whatever happens to the proxy. `requestMilliseconds` bounds every request that says
 * nothing of its own, up to the head of its answer.
 */
export function openTransport({ local, proxy, caPath }: Surroundings, requestMilliseconds: number): Transport {
  if (local && (proxy === undefined || proxy === '' || caPath === undefined)) {
    throw new Fault(
      'azure/not-emulator',
      'HOLDFAST_LOCAL is set, and the proxy or the authority of the emulator is not',
      {
        hint: 'Run `holdfast local env` and use what it prints.',
      },
    )
  }
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 64,
    ...(proxy === undefined || proxy === '' ? {} : { proxyEnv: { HTTPS_PROXY: proxy } }),
    ...(caPath === undefined ? {} : { ca: readFileSync(caPath) }),
  })
  const inner = createDefaultHttpClient()
  const standstill = watchStandstill()
  const route = async (request: Carried): Promise<void> => {
    request.agent = agent
    if (request.timeout <= 0) request.timeout = requestMilliseconds
    await standstill.over()
  }
  return {
    client: {
      sendRequest: async (request) => {
        await route(request as Carried)
        return inner.sendRequest(request)
      },
    },
    route,
    close: () => {
      standstill.end()
      agent.destroy()
    },
  }
}
