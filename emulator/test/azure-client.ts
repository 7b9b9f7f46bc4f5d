import { ProxyAgent, request } from 'undici'
import { CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION, TENANT } from '../src/tokens.ts'
import type { RunningEmulator } from './run-emulator.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Record<string, unknown>
}

/** A named client of the emulator's Azure, which dials public host names through the proxy. */
export interface AzureClient {
  /** Sends a request; JSON in, JSON out. Rejects with the error's code where no answer comes. */
  send(method: string, url: string, options?: { body?: unknown; headers?: Record<string, string> }): Promise<Answer>
  /** Sends a request to ARM with a token. `path` starts below the subscription. */
  arm(method: string, path: string, body?: unknown): Promise<Answer>
  signIn(audience?: string): Promise<string>
  close(): Promise<void>
}

const WAIT_MILLISECONDS = 3000

export function azureClient(emulator: RunningEmulator, name: string): AzureClient {
  const agent = new ProxyAgent({ uri: emulator.proxy(name), requestTls: { ca: emulator.ca } })
  let token: Promise<string> | undefined

  async function send(method: string, url: string, options: { body?: unknown; headers?: Record<string, string> } = {}) {
    const { body, headers } = options
    const json = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await request(url, {
      method: method as 'GET',
      dispatcher: agent,
      headers: { ...(json === body ? {} : { 'content-type': 'application/json' }), ...headers },
      body: json ?? null,
      headersTimeout: WAIT_MILLISECONDS,
    })
    const text = await answer.body.text()
    return { status: answer.statusCode, headers: answer.headers, body: text === '' ? {} : JSON.parse(text) }
  }

  async function signIn(audience = 'https://management.azure.com'): Promise<string> {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      scope: `${audience}/.default`,
    })
    const answer = await send('POST', `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`, {
      body: form.toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    if (answer.status !== 200) throw new Error(`Sign-in answered ${answer.status}.`)
    return String(answer.body['access_token'])
  }

  async function arm(method: string, path: string, body?: unknown): Promise<Answer> {
    token ??= signIn()
    const mark = path.includes('?') ? '&' : '?'
    const url = `https://management.azure.com/subscriptions/${SUBSCRIPTION}${path}${mark}api-version=2024-04-01`
    return send(method, url, { body, headers: { authorization: `Bearer ${await token}` } })
  }

  return { send, arm, signIn, close: () => agent.destroy() }
}

/** The code of the error that a promise rejects with, or `answered`. */
export async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'answered'
  } catch (failure) {
    const { code, cause } = failure as { code?: string; cause?: { code?: string } }
    return code ?? cause?.code ?? String(failure)
  }
}
