import type { Arm } from './arm.ts'
import { type Calls, counting } from './counting.ts'
import { openTokens, type Tokens } from './credentials.ts'
import type { Exchange } from './exchange.ts'
import { httpArm } from './http-arm.ts'
import { httpExchange } from './http-exchange.ts'
import { type Recorded, recording } from './record.ts'
import { retrying } from './retry.ts'
import { type SourceClock, sourceClock } from './source-clock.ts'
import { throttled } from './throttle.ts'
import { openTransport, type Surroundings, type Transport } from './transport.ts'

/** Everything that reaches Azure from this process, over one pool of connections and one set of tokens. */
export interface Azure {
  /** ARM for everyday work: retried, and held below the limits of the subscription. */
  readonly arm: Arm
  /** ARM for a failover: may use what the limits keep back. */
  readonly critical: Arm
  /** The same way for other services that speak JSON, for instance the tracking API. */
  readonly exchange: Exchange
  /** One try, no waiting: for probes. */
  readonly probe: Exchange
  readonly tokens: Tokens
  /** The way itself, for the vendor's storage client. */
  readonly transport: Transport
  readonly local: boolean
  /** An instant that the clock of a host has passed, from the dates of its answers; `undefined` before the first. */
  earliest(host: string): number | undefined
  /** Requests so far. */
  calls(): readonly Calls[]
  close(): void
}

export interface AzureOptions {
  readonly surroundings: Surroundings
  /** How long one request may take. Default: 30 s. */
  readonly requestMilliseconds?: number
  /** Gets every exchange, without secrets. */
  readonly record?: (line: Recorded) => void
}

export function openAzure({ surroundings, requestMilliseconds = 30_000, record }: AzureOptions): Azure {
  const { local } = surroundings
  const opened = openTransport(surroundings, requestMilliseconds)
  const counted = counting()
  const transport: Transport = {
    ...opened,
    client: counted.of(opened.client),
    harmless: counted.of(opened.harmless),
  }
  const tokens = openTokens(surroundings, transport.harmless)
  const clocks = new Map<string, SourceClock>()
  const untimed = httpExchange({ client: transport.client, tokens, local, requestMilliseconds })
  const plain = dated(untimed, clocks)
  const probe = record === undefined ? plain : recording(plain, record)
  const exchange = retrying(throttled(probe))
  return {
    arm: httpArm(exchange),
    critical: httpArm(exchange, { lane: 'critical' }),
    exchange,
    probe,
    tokens,
    transport,
    local,
    earliest: (host) => clocks.get(host)?.earliest(performance.now()),
    calls: counted.calls,
    close: () => transport.close(),
  }
}

/** Notes what each host's clock said. */
function dated(exchange: Exchange, clocks: Map<string, SourceClock>): Exchange {
  return async (request) => {
    const sent = performance.now()
    const reply = await exchange(request)
    const date = Date.parse(reply.headers['date'] ?? '')
    if (!Number.isNaN(date)) {
      const { host } = new URL(request.url)
      const clock = clocks.get(host) ?? sourceClock()
      clocks.set(host, clock)
      clock.take({ sent, received: performance.now(), date })
    }
    return reply
  }
}
