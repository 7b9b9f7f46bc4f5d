import { readFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { createDefaultHttpClient, type HttpClient } from '@azure/core-rest-pipeline'
import { Fault } from '../core/errors.ts'
import { type Gate, gateOf } from './gate.ts'
import { bearSecondErrors } from './second-errors.ts'
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

/** What changes nothing. */
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

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
  readonly method: string
  agent?: unknown
  timeout: number
}

/** What carries requests: connections that are kept, those by which something may be changed apart. */
export interface Transport {
  readonly client: HttpClient
  /** For what changes nothing, whatever its method: signing in. */
  readonly harmless: HttpClient
  /** Through this goes what may change something. */
  readonly gate: Pick<Gate, 'prepare' | 'open' | 'leave'>
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
  const ca = caPath === undefined ? {} : { ca: readFileSync(caPath) }
  const agents = new Map<string | undefined, Agent>()
  const agentBy = (way: string | undefined): Agent => {
    const known = agents.get(way)
    if (known !== undefined) return known
    const through = way === undefined || way === '' ? {} : { proxyEnv: { HTTPS_PROXY: way } }
    const agent = new Agent({ keepAlive: true, maxSockets: 64, timeout: requestMilliseconds, ...through, ...ca })
    agents.set(way, agent)
    return agent
  }
  const inner = createDefaultHttpClient()
  const standstill = watchStandstill()
  const gate = gateOf(proxy)
  const endBearing = bearSecondErrors()
  const carry = (request: Carried, way: string | undefined): Promise<void> => {
    request.agent = agentBy(way)
    if (request.timeout <= 0) request.timeout = requestMilliseconds
    return standstill.over()
  }
  const route = async (request: Carried): Promise<void> => {
    const isReading = READING.has(request.method)
    return carry(request, (isReading ? undefined : await gate.way()) ?? proxy)
  }
  return {
    client: {
      sendRequest: async (request) => {
        await route(request as Carried)
        return inner.sendRequest(request)
      },
    },
    harmless: {
      sendRequest: async (request) => {
        await carry(request as Carried, proxy)
        return inner.sendRequest(request)
      },
    },
    gate,
    route,
    close: () => {
      standstill.end()
      gate.close()
      endBearing()
      for (const agent of agents.values()) agent.destroy()
    },
  }
}
