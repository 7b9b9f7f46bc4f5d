import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ProxyAgent, request } from 'undici'

/** Where the emulator is and who asks: what `holdfast local env` prints. */
export type Environment = Readonly<Record<string, string>>

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/**
 * A client of Azure with nothing of Holdfast in it: it builds the demo's estate as a team would have, and
 * reads both sides at the end as an auditor would.
 */
export interface Cloud {
  /** ARM, as JSON; waits for long-running operations. Anything but success throws, unless `status` allows it. */
  arm(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>
  /** ARM's list, all pages. */
  armList(path: string): Promise<Record<string, unknown>[]>
  /** MLflow of a workspace: `path` is below `/api/2.0/`. */
  mlflow(workspace: string, method: string, path: string, body?: unknown): Promise<Record<string, unknown>>
  /** Any request, with a token for the host. */
  send(
    method: string,
    url: string,
    options?: { body?: string | Buffer; headers?: Readonly<Record<string, string>> },
  ): Promise<Answer>
  /** Bytes of a blob, `undefined` where there is none. */
  blob(account: string, container: string, name: string): Promise<Buffer | undefined>
  putBlob(account: string, path: string, body: string | Buffer): Promise<void>
  close(): Promise<void>
}

const VERSION = '2024-04-01'

export function openCloud(environment: Environment): Cloud {
  const proxy = new URL(environment['HTTPS_PROXY'] ?? '')
  const ca = readFileSync(environment['NODE_EXTRA_CA_CERTS'] ?? '')
  const token = proxy.username === '' ? {} : { token: `Basic ${Buffer.from(`${proxy.username}:`).toString('base64')}` }
  const dispatcher = new ProxyAgent({ uri: proxy.origin, requestTls: { ca }, ...token })
  const tokens = new Map<string, Promise<string>>()

  async function raw(
    method: string,
    url: string,
    headers: Readonly<Record<string, string>>,
    body?: string | Buffer,
  ): Promise<Answer> {
    const answer = await request(url, {
      method: method as 'GET',
      headers,
      body: body ?? null,
      dispatcher,
      headersTimeout: 20_000,
    })
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() }
  }

  async function signIn(resource: string): Promise<string> {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: environment['AZURE_CLIENT_ID'] ?? '',
      client_secret: environment['AZURE_CLIENT_SECRET'] ?? '',
      scope: `${resource}/.default`,
    })
    const url = `https://login.microsoftonline.com/${environment['AZURE_TENANT_ID']}/oauth2/v2.0/token`
    const answer = await raw('POST', url, { 'content-type': 'application/x-www-form-urlencoded' }, form.toString())
    return (JSON.parse(answer.text) as { access_token: string }).access_token
  }

  async function authorization(url: string): Promise<string> {
    const resource = new URL(url).host.endsWith('.core.windows.net')
      ? 'https://storage.azure.com'
      : 'https://management.azure.com'
    const found = tokens.get(resource) ?? signIn(resource)
    tokens.set(resource, found)
    return `Bearer ${await found}`
  }

  const send: Cloud['send'] = async (method, url, { body, headers = {} } = {}) =>
    raw(method, url, { authorization: await authorization(url), ...headers }, body)

  async function json(method: string, url: string, body?: unknown): Promise<Answer> {
    const headers = { 'content-type': 'application/json' }
    const answer = await send(method, url, body === undefined ? { headers } : { headers, body: JSON.stringify(body) })
    if (answer.status < 400) return answer
    throw new Error(`${method} ${url} was answered ${answer.status}: ${answer.text.slice(0, 500)}`)
  }

  async function arm(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const url = armUrl(path)
    const answer = await json(method, url, body)
    const operation = answer.headers['azure-asyncoperation']
    if (typeof operation !== 'string') return parsed(answer)
    for (;;) {
      const { status, error } = parsed(await json('GET', operation)) as {
        status?: string
        error?: { message?: string }
      }
      if (status === 'Succeeded') return parsed(await json('GET', url))
      if (status === 'Failed' || status === 'Canceled')
        throw new Error(`${method} ${path} ended ${status}: ${error?.message}`)
      await sleep(50)
    }
  }

  async function armList(path: string): Promise<Record<string, unknown>[]> {
    const items: Record<string, unknown>[] = []
    let url: string | undefined = armUrl(path)
    while (url !== undefined) {
      const page: { value?: Record<string, unknown>[]; nextLink?: string } = parsed(await json('GET', url))
      items.push(...(page.value ?? []))
      url = page.nextLink ?? undefined
    }
    return items
  }

  const discovered = new Map<string, string>()

  async function mlflow(
    workspace: string,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Record<string, unknown>> {
    const known = discovered.get(workspace)
    const base = known ?? trackingBase(await arm('GET', workspace))
    discovered.set(workspace, base)
    return parsed(await json(method, `${base}/api/2.0/${path}`, body))
  }

  async function blob(account: string, container: string, name: string): Promise<Buffer | undefined> {
    const url = blobUrl(account, `${container}/${encodeName(name)}`)
    const headers = { authorization: await authorization(url), 'x-ms-version': '2023-11-03' }
    const answer = await request(url, { headers, dispatcher })
    const bytes = Buffer.from(await answer.body.arrayBuffer())
    return answer.statusCode === 200 ? bytes : undefined
  }

  async function putBlob(account: string, path: string, body: string | Buffer): Promise<void> {
    const headers = { 'x-ms-version': '2023-11-03', 'x-ms-blob-type': 'BlockBlob' }
    const answer = await send('PUT', blobUrl(account, path), { body, headers })
    if (answer.status !== 201) throw new Error(`${path} was answered ${answer.status}: ${answer.text.slice(0, 300)}`)
  }

  return { arm, armList, mlflow, send, blob, putBlob, close: () => dispatcher.close() }
}

function armUrl(path: string): string {
  return `https://management.azure.com${path}${path.includes('?') ? '&' : '?'}api-version=${VERSION}`
}

function trackingBase(workspace: Record<string, unknown>): string {
  const { mlFlowTrackingUri } = workspace['properties'] as { mlFlowTrackingUri: string }
  return mlFlowTrackingUri.replace(/^azureml:/, 'https:')
}

function blobUrl(account: string, path: string): string {
  return `https://${account}.blob.core.windows.net/${path}`
}

export function encodeName(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/')
}

function parsed(answer: Answer): Record<string, unknown> {
  return answer.text === '' ? {} : JSON.parse(answer.text)
}
