import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Call, Reply } from '../../call.ts'
import { Database } from '../../state/database.ts'
import type { InnerRequest } from '../reach.ts'
import { providerPath } from './arm-paths.ts'
import { Directory } from './directory.ts'
import { Groups } from './groups.ts'
import { ResourceRouting } from './resource-routing.ts'

const REGIONS = ['eastus2', 'centralus'] as const
const ID = '/subscriptions/s/resourceGroups/g/providers/Some.Provider/things/one'

let root: string
let db: Database
let directory: Directory
let routing: ResourceRouting
/** Ids that each region has. */
let held: Readonly<Record<string, Set<string>>>
/** Waited for before an answer goes back, by method and region. */
let delays: Record<string, Promise<unknown>>

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'routing-'))
  db = new Database(join(root, 'front.db'))
  directory = new Directory(db)
  const groups = new Groups(db)
  await db.write(() => groups.put({ subscription: 's', name: 'g', location: 'eastus2', tags: {}, managedBy: null }))
  held = Object.fromEntries(REGIONS.map((region) => [region, new Set<string>()]))
  delays = {}
  routing = new ResourceRouting({ db, directory, groups, reach: { reaches: () => true, send }, regions: REGIONS })
})

afterEach(() => {
  db.close()
  rmSync(root, { recursive: true })
})

/** A region that keeps what it is sent. */
async function send(region: string, { method, target }: InnerRequest): Promise<IncomingMessage> {
  const id = target.replace(/\?.*/, '')
  const there = held[region]?.has(id) === true
  if (method === 'PUT') held[region]?.add(id)
  if (method === 'DELETE') held[region]?.delete(id)
  const missing = method === 'DELETE' ? 204 : 404
  const statusCode = method === 'PUT' ? 201 : there ? 200 : missing
  await delays[`${method} ${region}`]
  return Object.assign(Readable.from([Buffer.from(JSON.stringify({ id }))]), { statusCode, headers: {} }) as never
}

async function ask(method: string, location?: string): Promise<number> {
  const body = location === undefined ? undefined : { location }
  const path = providerPath(ID)
  if (path === undefined) throw new Error('no path')
  const call = {
    method,
    target: `${ID}?api-version=1`,
    query: new URLSearchParams('api-version=1'),
    headers: {},
    body: Object.assign(Readable.from([]), { socket: new EventEmitter() }),
    bytes: async () => Buffer.from(JSON.stringify(body ?? {})),
    json: async () => body,
  } as unknown as Call
  const refused = ({ status }: { status: number }): Pick<Reply, 'status'> => ({ status })
  return (await routing.handle(call, path).catch(refused)).status
}

function holders(): readonly string[] {
  return REGIONS.filter((region) => held[region]?.has(ID))
}

describe('a resource', () => {
  it('that two clients make at once in different locations comes to be in one of them', async () => {
    const answers = await Promise.all([ask('PUT', 'eastus2'), ask('PUT', 'centralus')])
    expect(answers.toSorted()).toEqual([201, 409])
    expect(holders()).toEqual([directory.get(ID)?.region])
  })

  it('that two clients make at once in one location comes to be there', async () => {
    const answers = await Promise.all([ask('PUT', 'centralus'), ask('PUT', 'centralus')])
    expect(answers).toEqual([201, 201])
    expect(holders()).toEqual(['centralus'])
  })

  it('that is made anew is not forgotten by a client that was told of its removal', async () => {
    await ask('PUT', 'eastus2')
    await db.write(() => directory.leave(ID))
    held['eastus2']?.clear()
    let answered = (): void => undefined
    delays['GET eastus2'] = new Promise<void>((resolve) => (answered = resolve))
    const late = ask('PUT', 'centralus')
    await sleep(0)
    delete delays['GET eastus2']
    expect(await ask('PUT', 'eastus2')).toBe(201)
    answered()
    expect(await late).toBe(409)
    expect(holders()).toEqual([directory.get(ID)?.region])
  })

  it('that is made anew while its removal is written down is in the directory', async () => {
    await ask('PUT', 'eastus2')
    db.hold()
    const removal = ask('DELETE')
    await sleep(20)
    const creation = ask('PUT', 'eastus2')
    await sleep(20)
    db.release()
    expect(await Promise.all([removal, creation])).toEqual([200, 201])
    expect(holders()).toEqual([directory.get(ID)?.region])
  })
})
