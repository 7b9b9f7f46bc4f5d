import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { movableClock } from '../clock.ts'
import { Activity } from '../state/activity.ts'
import { Database } from '../state/database.ts'
import { Blobs } from './blobs.ts'
import { Copies } from './copies.ts'
import type { Source, Sources } from './sources.ts'

const URL = 'https://away.blob.core.windows.net/box/from'
const BYTES = Buffer.from('from afar')

let dir: string
let db: Database
let blobs: Blobs

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'copies-'))
  db = new Database(join(dir, 'state.db'))
  blobs = new Blobs(db, movableClock(), dir)
  await blobs.ensureAccount('acct')
  await blobs.ensureContainer('acct', 'box')
})

afterEach(async () => {
  vi.restoreAllMocks()
  await blobs.close()
  db.close()
  await rm(dir, { recursive: true })
})

/** Copies whose every source has the same bytes. */
function copies(): Copies {
  const source = { length: BYTES.length, md5: null, read: async () => Readable.from([BYTES]) } as unknown as Source
  const sources = { open: async () => source, close: async () => undefined } as unknown as Sources
  return new Copies({ db, clock: movableClock(), activity: new Activity(db), blobs, sources })
}

async function pendingCopy(): Promise<void> {
  const copy = {
    id: 'one',
    source: URL,
    status: 'pending',
    copied: 0,
    total: BYTES.length,
    ended: null,
    reason: null,
  } as const
  const container = blobs.accounts.container('acct', 'box')?.key ?? Number.NaN
  const own = {
    kind: 'BlockBlob',
    headers: { contentType: 'a/b' },
    md5: null,
    sha256: null,
    metadata: {},
    tags: {},
    tier: null,
  } as const
  await db.write(() => blobs.catalogue.put(container, 'to', { ...own, copy }, []))
}

const to = { account: 'acct', container: 'box', name: 'to' }

test('a copy whose end cannot be written goes on at the next start', async () => {
  await pendingCopy()
  vi.spyOn(db, 'write').mockRejectedValue(new Error('database or disk is full'))
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  copies().resume()
  await vi.waitFor(() => expect(said.mock.calls.flat().join('')).toContain('disk is full'))
  vi.restoreAllMocks()
  expect(blobs.info(to)?.copy?.status).toBe('pending')
  copies().resume()
  await vi.waitFor(() => expect(blobs.info(to)?.copy?.status).toBe('success'))
  expect(await blobs.read(to, 100)).toEqual(BYTES)
})
