import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isFault } from '../../src/core/errors.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import type { Lease, Store } from '../../src/store/store.ts'

/** The files of a store, by what stands behind its name. */
export const FILES = ['', '-wal', '-head.churn'] as const
export type StoreFile = (typeof FILES)[number]
type Files = Readonly<Record<StoreFile, Uint8Array>>

/** A store as a killed process leaves it, and all that whoever decides is given from it. */
export interface KilledStore {
  readonly files: Files
  readonly picture: string
  /** Of the clock of its leases, when every one has run out. */
  readonly now: number
}

export type Damage = 'cut' | 'flipped'

/** Places of one file, each of which is damaged alone. */
export interface Damaging {
  readonly store: KilledStore
  readonly file: StoreFile
  readonly how: Damage
  readonly from: number
  readonly to: number
  readonly step: number
  /** A folder that is there and of nobody else. */
  readonly dir: string
}

/** Places by what reading the store comes to: `read`, the code of a refusal, or what went wrong. */
export type Outcomes = Readonly<Record<string, readonly number[]>>

const LEASE = 60_000

/** Some records in the file, the latest in the log beside it. */
export async function killedStore(dir: string): Promise<KilledStore> {
  let now = 0
  const path = join(dir, 'whole.db')
  const open = () => openSqliteStore(path, () => ({ boot: 'one', milliseconds: now }))
  const first = open()
  await write(first, 120)
  await first.close()
  now += LEASE
  const second = open()
  await write(second, 20)
  now += LEASE
  const read = (file: StoreFile) => readFileSync(`${path}${file}`)
  const files = { '': read(''), '-wal': read('-wal'), '-head.churn': read('-head.churn') }
  const picture = await pictureOf(second)
  await second.close()
  return { files, picture, now }
}

/** What comes of each damage, in the order of the places. */
export async function outcomesOf({ from, to, step, ...damaging }: Damaging): Promise<Outcomes> {
  const found: Record<string, number[]> = {}
  for (let at = from; at < to; at += step) {
    const outcome = await outcomeAt(damaging, at)
    found[outcome] ??= []
    found[outcome].push(at)
  }
  return found
}

/** What opening and reading a store comes to of which one file is damaged at a place. */
async function outcomeAt(
  { store: whole, file, how, dir }: Omit<Damaging, 'from' | 'to' | 'step'>,
  at: number,
): Promise<string> {
  const folder = join(dir, 'damaged')
  mkdirSync(folder)
  let store: Store | undefined
  try {
    for (const name of FILES) {
      const bytes = whole.files[name]
      writeFileSync(join(folder, `store.db${name}`), name === file ? damaged(bytes, how, at) : bytes)
    }
    store = openSqliteStore(join(folder, 'store.db'), () => ({ boot: 'one', milliseconds: whole.now }))
    return (await pictureOf(store)) === whole.picture ? 'read' : 'WRONG'
  } catch (thrown) {
    return isFault(thrown) ? thrown.code : `threw ${String(thrown)}`
  } finally {
    await store?.close()
    rmSync(folder, { recursive: true })
  }
}

function damaged(bytes: Uint8Array, how: Damage, at: number): Uint8Array {
  if (how === 'cut') return bytes.subarray(0, at)
  const other = Uint8Array.from(bytes)
  other[at] = (other[at] ?? 0) ^ (1 << (at % 8))
  return other
}

/** What is set is followed by records, as whatever acts does it: a log that lost the one has lost the others. */
async function write(store: Store, count: number): Promise<void> {
  const lease = await taken(store, 'a')
  await store.setFact(lease, 'roles', { active: 'secondary', epoch: count })
  await store.setFact(lease, 'synced', { active: 'secondary', recoveryPoint: 1_700_000_000_000 + count })
  await store.leave('churn', { id: `w${count}`, is: 'approve', by: 'ada', body: { code: 'c0ffee', epoch: count } })
  for (let n = 0; n < count; n++) {
    const [run, type] = [`r${n % 7}`, `step/${n % 3 === 0 ? 'begun' : 'done'}`]
    await store.append(lease, [{ run, type, body: { address: `model/größe/${n}`, n } }])
  }
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

async function taken(store: Store, holder: string): Promise<Lease> {
  const answer = await store.acquire('churn', holder, LEASE)
  if ('held' in answer) throw new Error(`${answer.held.holder} has the lease`)
  return answer
}
