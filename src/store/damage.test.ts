import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { isFault } from '../core/errors.ts'
import { taken } from './conformance.ts'
import { openSqliteStore } from './sqlite.ts'
import type { Store } from './store.ts'

/** Bytes from one that is damaged to the next. `HOLDFAST_EVERY_BYTE=1 vitest run src/store/damage.test.ts` takes each. */
const STEP = process.env['HOLDFAST_EVERY_BYTE'] === '1' ? 1 : 97
const LAST_BYTES = 65_536
const FILES = ['', '-wal', '-head.churn'] as const
const MINUTES = 60_000

// Thousands of stores are opened: in memory, where there is such a folder.
const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'holdfast-damage-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

type Files = Readonly<Record<(typeof FILES)[number], Buffer>>

const LEASE = 60_000
let now = 0
const clock = () => ({ boot: 'one', milliseconds: now })

/** What is set is followed by records, as whatever acts does it: a log that lost the one has lost the others. */
async function write(store: Store, count: number): Promise<void> {
  const lease = await taken(store, 'a', LEASE)
  await store.setFact(lease, 'roles', { active: 'secondary', epoch: count })
  await store.setFact(lease, 'synced', { active: 'secondary', recoveryPoint: 1_700_000_000_000 + count })
  await store.leave('churn', { id: `w${count}`, is: 'approve', by: 'ada', body: { code: 'c0ffee', epoch: count } })
  for (let n = 0; n < count; n++) {
    const [run, type] = [`r${n % 7}`, `step/${n % 3 === 0 ? 'begun' : 'done'}`]
    await store.append(lease, [{ run, type, body: { address: `model/größe/${n}`, n } }])
  }
  now += LEASE
}

/** Everything that whoever decides is given: journal, facts, words, and the next lease. */
async function pictureOf(store: Store): Promise<string> {
  const all = await Array.fromAsync(store.read('churn'))
  const ofRun = await Array.fromAsync(store.read('churn', { run: 'r3' }))
  const ofType = await Array.fromAsync(store.read('churn', { typed: 'step/begun' }))
  const facts = [await store.fact('churn', 'roles'), await store.fact('churn', 'synced')]
  const words = await store.words('churn')
  const { epoch, outOf } = await taken(store, 'b')
  return JSON.stringify([all, ofRun, ofType, facts, words, epoch, outOf])
}

/** A store as a killed process leaves it: some records in the file, the latest in the log beside it. */
async function killed(): Promise<{ readonly files: Files; readonly picture: string }> {
  const path = join(root, 'whole.db')
  const first = openSqliteStore(path, clock)
  await write(first, 120)
  await first.close()
  const second = openSqliteStore(path, clock)
  await write(second, 20)
  const read = (file: string) => readFileSync(`${path}${file}`)
  const files = { '': read(''), '-wal': read('-wal'), '-head.churn': read('-head.churn') }
  const picture = await pictureOf(second)
  await second.close()
  return { files, picture }
}

const whole = await killed()

/** What opening and reading files comes to: `read`, the code of a refusal, or what went wrong. */
async function outcomeOf(files: Files): Promise<string> {
  const dir = join(root, 'damaged')
  mkdirSync(dir)
  let store: Store | undefined
  try {
    for (const name of FILES) writeFileSync(join(dir, `store.db${name}`), files[name])
    store = openSqliteStore(join(dir, 'store.db'), clock)
    return (await pictureOf(store)) === whole.picture ? 'read' : 'WRONG'
  } catch (thrown) {
    return isFault(thrown) ? thrown.code : `threw ${String(thrown)}`
  } finally {
    await store?.close()
    rmSync(dir, { recursive: true })
  }
}

function cut(bytes: Buffer, at: number): Buffer {
  return bytes.subarray(0, at)
}

function flip(bytes: Buffer, at: number): Buffer {
  const other = Buffer.from(bytes)
  other[at] = (other[at] ?? 0) ^ (1 << (at % 8))
  return other
}

it.for(
  FILES.flatMap((file) => [
    { file, how: 'cut', damage: cut },
    { file, how: 'flipped', damage: flip },
  ]),
)(
  'guards I8: a store.db$file that is $how at any byte of its last 64 KiB is read whole, or refused as damaged',
  {
    timeout: STEP === 1 ? 60 * MINUTES : 4 * MINUTES,
  },
  async ({ file, damage }) => {
    const bytes = whole.files[file]
    const found = new Map<string, number[]>()
    for (let at = Math.max(0, bytes.length - LAST_BYTES); at < bytes.length; at += STEP) {
      const outcome = await outcomeOf({ ...whole.files, [file]: damage(bytes, at) })
      found.set(outcome, [...(found.get(outcome) ?? []), at])
    }
    const { read, 'store/damaged': damaged, ...wrong } = Object.fromEntries(found)
    expect(wrong).toEqual({})
    expect((read ?? []).length + (damaged ?? []).length).toBeGreaterThan(0)
    if (process.env['HOLDFAST_EVERY_BYTE'] === '1')
      console.info(`store.db${file}: ${read?.length ?? 0} read, ${damaged?.length ?? 0} refused`)
  },
)

it('reads a store whole that nothing was done to', async () => {
  expect(await outcomeOf(whole.files)).toBe('read')
})
