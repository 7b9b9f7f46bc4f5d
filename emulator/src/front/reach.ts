import { Agent, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import { dialInside } from '../network/inner-listener.ts'
import type { Link, Links } from '../network/links.ts'
import { Refusal } from '../refusal.ts'

/** One HTTP request into a process of the emulator. */
export interface InnerRequest {
  readonly method: string
  /** Path and query, to the byte. */
  readonly target: string
  readonly host: string
  readonly headers: OutgoingHttpHeaders
  readonly client: string
  readonly body?: Readable | Buffer | undefined
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal
}

const NEVER = new AbortController().signal

/** Keeps connections to inner listeners alive, one pool per listener and client. */
export class InnerClient {
  readonly #secret: string
  readonly #agents = new Map<string, Agent>()
  #closed = false

  constructor(secret: string) {
    this.#secret = secret
  }

  /** Sends a request and resolves with the head of the answer. `opened` gets what can end it early. */
  send(
    port: number,
    request: InnerRequest,
    opened?: (destroy: (why: Error) => void) => void,
  ): Promise<IncomingMessage> {
    const { method, target, host, body, client, signal = NEVER } = request
    const headers = { ...request.headers, host }
    if (this.#closed) return Promise.reject(new Error('the front has closed its connections'))
    return new Promise((resolve, reject) => {
      const sent = httpRequest({ method, path: target, headers, agent: this.#agent(port, client), signal })
      sent.on('response', resolve).on('error', reject)
      opened?.((why) => sent.destroy(why))
      if (body === undefined || Buffer.isBuffer(body)) sent.end(body)
      else body.on('error', (failure) => sent.destroy(failure)).pipe(sent)
    })
  }

  /** Closes every connection for good: whoever still works for what was open can send nothing to what is opened next. */
  close(): void {
    this.#closed = true
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }

  #agent(port: number, client: string): Agent {
    const key = `${port} ${client}`
    let agent = this.#agents.get(key)
    if (agent === undefined) {
      const dial = () => dialInside(port, this.#secret, client)
      agent = new InnerAgent(dial)
      this.#agents.set(key, agent)
    }
    return agent
  }
}

class InnerAgent extends Agent {
  readonly #dial: () => Duplex

  constructor(dial: () => Duplex) {
    super({ keepAlive: true, maxFreeSockets: 32 })
    this.#dial = dial
  }

  override createConnection(): Duplex {
    return this.#dial()
  }
}

/** Place in the network where ARM's global front door stands. */
export const ARM = 'arm'

/** How ARM reaches regions, over a network that can be cut. */
export class Reach {
  readonly #client: InnerClient
  readonly #links: Links
  readonly #port: (region: string) => number | undefined

  constructor(parts: { client: InnerClient; links: Links; port(region: string): number | undefined }) {
    this.#client = parts.client
    this.#links = parts.links
    this.#port = parts.port
  }

  /** True if a request would not be refused at once. */
  reaches(region: string): boolean {
    return this.#port(region) !== undefined && this.#links.state([ARM, region]) !== 'closed'
  }

  /** Sends a request to a region. Throws ARM's 503 where the region cannot be reached or goes away. */
  async send(region: string, request: InnerRequest): Promise<IncomingMessage> {
    const { signal = NEVER } = request
    await this.#passage(region, signal)
    const port = this.#port(region)
    if (port === undefined) throw unreachable(region)
    let link: Link | undefined
    const opened = (destroy: (why: Error) => void): void => {
      link = { ends: [ARM, region], close: () => destroy(new Error('cut')), stall: idle, resume: idle }
      this.#links.track(link)
    }
    try {
      const answer = await this.#client.send(port, request, opened)
      await this.#passage(region, signal)
      return answer
    } catch {
      throw unreachable(region)
    } finally {
      if (link !== undefined) this.#links.untrack(link)
    }
  }

  /** Waits while the way is stalled. Throws when it is closed or nobody waits any more. */
  async #passage(region: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const state = this.#links.state([ARM, region])
      if (state === 'closed' || signal.aborted) throw unreachable(region)
      if (state === 'open') return
      await this.#links.change(signal)
    }
  }
}

function idle(): void {
  // The head of an answer that arrives while the way is stalled waits in #passage.
}

/** ARM's answer for a region that is away. */
export function unreachable(region: string): Refusal {
  return new Refusal(
    503,
    'ServiceUnavailable',
    `The service in the region '${region}' is not reachable. Try again later.`,
    {
      'x-ms-failure-cause': 'gateway',
    },
  )
}
