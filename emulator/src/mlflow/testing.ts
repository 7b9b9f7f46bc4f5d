import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type OpenRegion, openRegion } from '../region.ts'

export const GROUP = '/subscriptions/10ca1e00-0000-4000-8000-00000000000a/resourceGroups/team'
export const WORKSPACE = `${GROUP}/providers/Microsoft.MachineLearningServices/workspaces/vision`
export const ACCOUNT = 'visionstore'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** The JSON of the body, if it is JSON. */
  readonly json: unknown
  /** What stands in the JSON under a path such as `run.info.run_id` or `runs.0.info`; `undefined` where nothing does. */
  at(path: string): unknown
  /** The text that stands there. */
  id(path: string): string
}

export interface Sent {
  readonly host?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface TestRegion {
  readonly region: OpenRegion
  readonly port: number
  /** Sends with a token to the region's data plane host, or to `host`. */
  send(method: string, path: string, sent?: Sent): Promise<Answer>
  /** Sends to the workspace's MLflow API: `path` as in `runs/get?run_id=…`. */
  mlflow(method: string, path: string, body?: unknown): Promise<Answer>
  close(): Promise<void>
}

/** A region of its own folder that holds one workspace, `vision`, and answers on loopback. For tests. */
export async function testRegion(): Promise<TestRegion> {
  const root = mkdtempSync(join(tmpdir(), 'region-'))
  const region = await openRegion({ name: 'eastus2', root })
  await addWorkspace(region)
  const port = await region.listen()
  const token = await region.tokens.issue({
    subject: 'tester',
    audience: 'https://management.azure.com',
    lifetimeSeconds: 3600,
  })
  const send = (method: string, path: string, sent: Sent = {}): Promise<Answer> =>
    exchange({ port, method, path, token, ...sent })
  return {
    region,
    port,
    send,
    mlflow: (method, path, body) => send(method, `/mlflow/v2.0${WORKSPACE}/api/2.0/mlflow/${path}`, { body }),
    close: async () => {
      await region.close()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

async function addWorkspace(region: OpenRegion): Promise<void> {
  const storageAccount = `${GROUP}/providers/Microsoft.Storage/storageAccounts/${ACCOUNT}`
  await region.blobs.ensureAccount(ACCOUNT)
  await region.blobs.ensureContainer(ACCOUNT, 'azureml')
  await region.db.write(() => {
    region.resources.put(storageAccount, { location: region.name, properties: {} }, 'tester')
    region.resources.put(
      WORKSPACE,
      { location: region.name, properties: { workspaceId: '5f0c1e00-0000-4000-8000-0000000000aa', storageAccount } },
      'tester',
    )
  })
}

function exchange(
  call: { readonly port: number; readonly method: string; readonly path: string; readonly token: string } & Sent,
): Promise<Answer> {
  const { port, method, path, token, host = 'eastus2.api.azureml.ms', body, headers } = call
  const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body)
  const bytes = Buffer.from(raw ? ((body as string | Buffer | undefined) ?? '') : JSON.stringify(body))
  const length = { 'content-length': String(bytes.length) }
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        port,
        method,
        path,
        host: '127.0.0.1',
        headers: { host, authorization: `Bearer ${token}`, ...length, ...headers },
      },
      async (response) => {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk)
        const text = Buffer.concat(chunks).toString('utf8')
        const json: unknown =
          /json/.test(response.headers['content-type'] ?? '') && text !== '' ? JSON.parse(text) : undefined
        const at = (place: string): unknown => find(json, place)
        const id = (place: string): string => String(at(place))
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json, at, id })
      },
    )
    outgoing.once('error', reject)
    outgoing.end(bytes)
  })
}

function find(json: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined,
      json,
    )
}
