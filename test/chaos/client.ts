import { ProxyAgent, request } from 'undici'
import type { TestEmulator } from '../support/emulator.ts'

/** What came back. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** What stands in the JSON body under a path such as `properties.tags.a`; `undefined` where nothing does. */
  at(path: string): unknown
}

/** A write as it was sent. */
export interface SentWrite {
  /** Order among the writes of this client; it stands in the request's query as `mark`. */
  readonly mark: number
  readonly what: string
  acknowledged: boolean
}

export interface Message {
  readonly body?: string | Buffer | object
  readonly headers?: Readonly<Record<string, string>>
  readonly audience?: string
  /** True for a POST that changes nothing. */
  readonly reads?: boolean
}

export const ARM_HOST = 'https://management.azure.com'
export const STORAGE_AUDIENCE = 'https://storage.azure.com'
const STORAGE_VERSION = '2024-11-04'
const WAIT_MILLISECONDS = 10_000
const WRITES = new Set(['PUT', 'POST', 'PATCH', 'DELETE'])

/**
 * One client of the emulator's Azure, which keeps what it has sent and what of it was acknowledged.
 *
 * It dials public host names through the proxy. Where no answer comes, or one of status 500 and above, what it wanted is in doubt.
 */
export class ChaosClient {
  readonly name: string
  /** Every write since {@link forget}, in order. */
  #sent: SentWrite[] = []
  #mark = 0
  #agent: ProxyAgent
  #emulator: TestEmulator
  readonly #tokens = new Map<string, string>()

  constructor(name: string, emulator: TestEmulator) {
    this.name = name
    this.#emulator = emulator
    this.#agent = dial(name, emulator)
  }

  get sent(): readonly SentWrite[] {
    return this.#sent
  }

  forget(): void {
    this.#sent = []
  }

  /** Goes on with an emulator that was started again. Tokens that were issued before stay good. */
  async redial(emulator: TestEmulator): Promise<void> {
    await this.#agent.destroy()
    this.#emulator = emulator
    this.#agent = dial(this.name, emulator)
  }

  /** Sends a request with a token of the audience. Rejects where no answer comes. */
  async send(method: string, url: string, message: Message = {}): Promise<Answer> {
    const { audience = ARM_HOST, reads = false } = message
    const authorization = `Bearer ${await this.#token(audience)}`
    const storage = audience === STORAGE_AUDIENCE ? { 'x-ms-version': STORAGE_VERSION } : {}
    const headers = { authorization, ...storage, ...message.headers }
    if (!WRITES.has(method) || reads) return this.#exchange(method, url, { ...message, headers })
    const write: SentWrite = { mark: ++this.#mark, what: `${method} ${url}`, acknowledged: false }
    this.#sent.push(write)
    const marked = `${url}${url.includes('?') ? '&' : '?'}mark=${write.mark}`
    const answer = await this.#exchange(method, marked, { ...message, headers })
    write.acknowledged = answer.status < 300
    return answer
  }

  /** Signs in anew. Tokens are kept until then. */
  async signIn(audience = ARM_HOST): Promise<string> {
    const { env } = this.#emulator
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: env['AZURE_CLIENT_ID'] ?? '',
      client_secret: env['AZURE_CLIENT_SECRET'] ?? '',
      scope: `${audience}/.default`,
    })
    const url = `https://login.microsoftonline.com/${env['AZURE_TENANT_ID']}/oauth2/v2.0/token`
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await this.#exchange('POST', url, { body: form.toString(), headers })
    const token = answer.at('access_token')
    if (typeof token !== 'string') throw new Error(`Sign-in answered ${answer.status}: ${answer.text}`)
    this.#tokens.set(audience, token)
    return token
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }

  async #token(audience: string): Promise<string> {
    return this.#tokens.get(audience) ?? (await this.signIn(audience))
  }

  async #exchange(method: string, url: string, message: Message): Promise<Answer> {
    const { body } = message
    const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body)
    const answer = await request(url, {
      method: method as 'GET',
      dispatcher: this.#agent,
      headers: { ...(raw ? {} : { 'content-type': 'application/json' }), ...message.headers },
      body: raw ? (body ?? null) : JSON.stringify(body),
      headersTimeout: WAIT_MILLISECONDS,
      bodyTimeout: WAIT_MILLISECONDS,
    })
    return answerOf(answer.statusCode, answer.headers, await answer.body.text())
  }
}

function answerOf(status: number, headers: Answer['headers'], text: string): Answer {
  const json = jsonIn(text)
  return { status, headers, text, at: (path) => inside(json, path) }
}

/** The JSON that a body is; bytes of a blob may begin as JSON does and be none. */
function jsonIn(text: string): unknown {
  try {
    return text.startsWith('{') ? JSON.parse(text) : undefined
  } catch {
    return undefined
  }
}

function dial(name: string, emulator: TestEmulator): ProxyAgent {
  const uri = emulator.proxy.replace('http://', `http://${encodeURIComponent(name)}:any@`)
  return new ProxyAgent({ uri, requestTls: { ca: emulator.ca } })
}

function inside(json: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, field) =>
        typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[field] : undefined,
      json,
    )
}
