import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type OpenRegion, openRegion } from '../region.ts'
import { SUBSCRIPTION } from '../tokens.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: unknown
  /** A value inside the body: `at('properties.tags')`; `undefined` where there is none. */
  at(path: string): unknown
}

/** An item of a list, as far as tests look at it without matching. */
export interface Item {
  readonly id: string
  readonly name: string
  readonly properties: Readonly<Record<string, unknown>>
}

export interface Asking {
  readonly host?: string
  readonly headers?: Readonly<Record<string, string>>
  /** False to send no token. */
  readonly signed?: boolean
}

export const GROUP_ID = `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg`
export const ML = `${GROUP_ID}/providers/Microsoft.MachineLearningServices`
export const STORAGE_ID = `${GROUP_ID}/providers/Microsoft.Storage/storageAccounts/teststore`

/** A region for one test file: opened in the process, asked over HTTP on loopback. */
export class TestRegion {
  readonly root = mkdtempSync(join(tmpdir(), 'holdfast-ml-'))
  #region: OpenRegion | undefined
  #port = 0
  #token = ''

  get region(): OpenRegion {
    if (this.#region === undefined) throw new Error('the region is not open')
    return this.#region
  }

  async open(): Promise<void> {
    this.#region = await openRegion({ name: 'eastus2', root: this.root })
    this.#port = await this.region.listen()
    this.#token = await this.region.tokens.issue({
      subject: 'tester',
      audience: 'https://management.azure.com',
      lifetimeSeconds: 3600,
    })
  }

  /** Closes and opens again on the same folder. */
  async reopen(): Promise<void> {
    await this.region.close()
    await this.open()
  }

  async end(): Promise<void> {
    await this.region.close()
    rmSync(this.root, { recursive: true, force: true })
  }

  /** One request. A path without `?` gets an api-version. */
  ask(method: string, path: string, body?: unknown, asking: Asking = {}): Promise<Answer> {
    const target = path.startsWith('https://') ? new URL(path) : undefined
    const full = target === undefined ? path : `${target.pathname}${target.search}`
    const separator = full.includes('?') ? '&' : '?'
    const url = full.includes('api-version') ? full : `${full}${separator}api-version=2025-12-01`
    const headers = {
      host: asking.host ?? target?.host ?? 'management.azure.com',
      ...(asking.signed === false ? {} : { authorization: `Bearer ${this.#token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...asking.headers,
    }
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: this.#port, method, path: url, headers }, (reply) => {
        const chunks: Buffer[] = []
        reply.on('data', (chunk: Buffer) => chunks.push(chunk))
        reply.on('error', reject)
        reply.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          const json = text.startsWith('{') || text.startsWith('[')
          const body: unknown = json ? JSON.parse(text) : text || undefined
          resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body, at: (path) => inside(body, path) })
        })
      })
      sent.on('error', reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  /** Polls the status of what an answer began until it has ended. */
  async ended(answer: Answer): Promise<Answer> {
    const status = answer.headers['azure-asyncoperation'] ?? answer.headers['location']
    if (typeof status !== 'string') throw new Error(`an answer with ${answer.status} that began nothing`)
    for (let asked = 0; asked < 100; asked++) {
      const poll = await this.ask('GET', status)
      if (poll.status !== 202 && poll.at('status') !== 'InProgress') return poll
      await sleep(20)
    }
    throw new Error('the operation did not end')
  }

  /** Lets the next long-running operation take so long. */
  slow(milliseconds: number): void {
    const { operations } = this.region
    const start = operations.start.bind(operations)
    operations.start = (wanted) => {
      operations.start = start
      return start({ ...wanted, milliseconds })
    }
  }

  /** Every item of a list, to the last page. */
  async all(path: string): Promise<Item[]> {
    const items: Item[] = []
    for (let next: unknown = path; typeof next === 'string'; ) {
      const answer: Answer = await this.ask('GET', next)
      if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
      items.push(...(answer.at('value') as Item[]))
      next = answer.at('nextLink')
    }
    return items
  }

  /** A workspace that is done, with its storage account. Returns its ARM id. */
  async workspace(name: string): Promise<string> {
    await this.region.blobs.ensureAccount('teststore')
    const id = `${ML}/workspaces/${name}`
    const body = {
      location: 'eastus2',
      identity: { type: 'SystemAssigned' },
      properties: { storageAccount: STORAGE_ID, friendlyName: name },
    }
    const made = await this.ask('PUT', id, body)
    if (made.status !== 201) throw new Error(`${made.status} ${JSON.stringify(made.body)}`)
    await this.ended(made)
    return id
  }
}

function inside(body: unknown, path: string): unknown {
  let value = body
  for (const field of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Readonly<Record<string, unknown>>)[field]
  }
  return value
}
