import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Address, kindOf, otherSide, type Side } from '../../src/core/model.ts'
import { standingForm } from '../../src/core/standing.ts'
import { type Parts, serviceOf, silent } from '../../src/engine/parts.ts'
import { type Carrying, type Pass, pass } from '../../src/engine/sync.ts'
import { type Tenure, takeTenure } from '../../src/engine/tenure.ts'
import type { Ledger } from '../../src/store/ledger.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { openSqliteLedger } from '../../src/store/sqlite-ledger.ts'
import type { JournalRecord, Store } from '../../src/store/store.ts'
import { type Fuse, fuse } from './fuse.ts'
import { type Access, madeUpKinds } from './made-up-kinds.ts'
import { type Call, type Effect, FakeSide } from './two-sides.ts'

export const PROTECTION = 'churn'
export const LEASE = 60_000
/** Longest time-out of a call, as the engine is told. */
export const CALL = 1000

/** One controller process: its own handles on the store and the world, its own lease, and a power cord. */
export interface Process {
  readonly name: string
  readonly parts: Parts
  readonly tenure: Tenure
  readonly fuse: Fuse
  readonly access: Access
}

/** Two made-up places and one real store, in which processes come and go. */
export class World {
  readonly sides: Readonly<Record<Side, FakeSide>>
  readonly effects: Effect[] = []
  readonly calls: Call[] = []
  /** What befalls a call: throw to let it fail, never return to let it hang. `after`: it is done, and nobody learns. */
  befall: (call: Call, moment: 'before' | 'after') => void | Promise<void> = () => undefined
  readonly store: Store
  readonly ledger: Ledger
  readonly clock: () => number
  readonly #dir = mkdtempSync(join(tmpdir(), 'holdfast-world-'))
  readonly #tenures: Tenure[] = []
  #wall = 1000
  #ticks = 0
  #isClosed = false

  /** @param where `memory` for a test that needs many worlds: the same store, without the waiting for the disk */
  constructor(where: 'disk' | 'memory' = 'disk', clock?: () => number) {
    this.clock = clock ?? (() => this.#ticks)
    this.sides = {
      primary: new FakeSide('primary', 'eastus2', this.now),
      secondary: new FakeSide('secondary', 'centralus', this.now),
    }
    this.store = openSqliteStore(where === 'disk' ? this.file('store.db') : ':memory:', () => ({
      boot: 'one',
      milliseconds: this.clock(),
    }))
    this.ledger = openSqliteLedger(where === 'disk' ? this.file('ledger.db') : ':memory:')
  }

  /** A wall clock of which no two readings are equal. */
  readonly now = (): number => ++this.#wall

  /** A path in the folder of this world. */
  file(name: string): string {
    return join(this.#dir, name)
  }

  /** Lets every lease run out. */
  leasesRunOut(): void {
    this.#ticks += LEASE + 1
  }

  /** Lets time pass for leases. */
  pass(milliseconds: number): void {
    this.#ticks += milliseconds
  }

  /** What a process of its own has in its hands, before it takes any lease. */
  joined(name: string, cord: Fuse): Pick<Process, 'parts' | 'access'> {
    const access = this.#access(name, cord)
    return { access, parts: this.#parts(access, cord) }
  }

  /** Starts a process that takes the lease. */
  async start(name: string, cord: Fuse = fuse()): Promise<Process> {
    const { access, parts } = this.joined(name, cord)
    const { store, ledger } = parts
    const every = () => () => undefined
    const tenure = await takeTenure({
      store,
      ledger,
      protection: PROTECTION,
      holder: name,
      leaseMilliseconds: LEASE,
      clock: this.clock,
      every,
    })
    if ('held' in tenure) throw new Error(`${tenure.held.holder} has the lease`)
    this.#tenures.push(tenure)
    return { name, parts, tenure, fuse: cord, access }
  }

  /**
   * Lets a process do something until it is over or its power is cut. Afterwards the lease is free.
   * @returns what it came to, or `undefined` where the power was cut
   */
  async run<T>(name: string, act: (process: Process) => Promise<T>, blowsAt?: number): Promise<T | undefined> {
    const cord = fuse(blowsAt)
    const process = await this.start(name, cord)
    const work = act(process)
    const result = await Promise.race([work, cord.blown.then(() => undefined)])
    if (cord.dead) work.catch(() => undefined)
    else await process.tenure.end()
    this.leasesRunOut()
    return result
  }

  /** Whether the standby has everything of the active side in the form in which it shall stand there. */
  lacking(active: Side, carrying: Carrying = CARRYING): readonly string[] {
    const services = madeUpKinds(this.#access('nobody', fuse()))
    const there = this.sides[otherSide(active)]
    const rules = { ...carrying, kind: (kind: string) => serviceOf(services, kind), role: 'standby' as const }
    return this.sides[active].items().flatMap((one) => {
      if (rules.kind(kindOf(one.address))?.can.converge === false) return []
      const stands = there.get(one.address)
      const wanted = standingForm(one, rules)
      const same = stands !== undefined && JSON.stringify(stands) === JSON.stringify(wanted.body)
      return same ? [] : [one.address]
    })
  }

  async journal(run?: string): Promise<readonly JournalRecord[]> {
    return Array.fromAsync(this.store.read(PROTECTION, run === undefined ? {} : { run }))
  }

  /** May be called twice. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.store.close()
    this.ledger.close()
    rmSync(this.#dir, { recursive: true, force: true })
  }

  #access(by: string, cord: Fuse): Access {
    const sideOf: Access['sideOf'] = ({ workspaceGuid }) => this.sides[workspaceGuid as Side]
    return {
      sideOf,
      call: async (of, signal, work) => {
        const call = { by, ...of }
        signal.throwIfAborted()
        this.calls.push(call)
        await cord.point(`before ${call.act} ${call.of}`)
        await unlessAborted(signal, this.befall(call, 'before'))
        this.sides[call.side].demandUp()
        const { value, changed } = work()
        if (changed) this.effects.push(call)
        if (call.act !== 'list') await cord.point(`after ${call.act} ${call.of}`)
        await unlessAborted(signal, this.befall(call, 'after'))
        return value
      },
    }
  }

  #parts(access: Access, cord: Fuse): Parts {
    return {
      protection: PROTECTION,
      services: madeUpKinds(access),
      open: async (side) => this.sides[side].place,
      learn: async () => undefined,
      answers: async (side) => !this.sides[side].down,
      store: cutStore(this.store, cord),
      ledger: cutLedger(this.ledger, cord),
      now: this.now,
      progress: silent,
    }
  }
}

/** A world that is closed when the test is over in which, or before which, it was made. */
export function worldOfTest(...where: ConstructorParameters<typeof World>): World {
  const world = new World(...where)
  onTestFinished(() => world.close())
  return world
}

async function unlessAborted(signal: AbortSignal, work: void | Promise<void>): Promise<void> {
  if (work === undefined) return
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** What never returns. */
export function forever(): Promise<never> {
  return new Promise<never>(() => undefined)
}

function cutStore(store: Store, cord: Fuse): Store {
  async function alive<T>(ask: () => Promise<T>): Promise<T> {
    return cord.dead ? forever() : ask()
  }
  return {
    ...store,
    acquire: (...of) => alive(() => store.acquire(...of)),
    renew: (lease) => alive(() => store.renew(lease)),
    fact: (...of) => alive(() => store.fact(...of)),
    append: async (lease, records) => {
      const what = `append ${records.map(({ type, body }) => `${type} ${body['phase'] ?? body['address'] ?? ''}`).join()}`
      await cord.point(`before ${what}`)
      const written = await store.append(lease, records)
      await cord.point(`after ${what}`)
      return written
    },
    setFact: async (lease, name, value) => {
      await cord.point(`before setting ${name}`)
      await store.setFact(lease, name, value)
      await cord.point(`after setting ${name}`)
    },
    release: async (lease) => {
      if (!cord.dead) await store.release(lease)
    },
  }
}

function cutLedger(ledger: Ledger, cord: Fuse): Ledger {
  async function cut(what: string, work: () => Promise<void>): Promise<void> {
    await cord.point(`before ledger ${what}`)
    await work()
    await cord.point(`after ledger ${what}`)
  }
  return {
    ...ledger,
    put: (...of) => cut('put', () => ledger.put(...of)),
    touch: (...of) => cut('touch', () => ledger.touch(...of)),
    forget: (...of) => cut('forget', () => ledger.forget(...of)),
  }
}

/** What the policy says where a test says nothing else. */
export const CARRYING: Carrying = { mode: () => 'hot/warm', conflict: 'map' }

/** One pass of a process in one direction. */
export function passing(active: Side = 'primary', carrying: Carrying = CARRYING): (process: Process) => Promise<Pass> {
  return ({ parts, tenure }) =>
    pass({ parts, tenure, active, carrying, signal: AbortSignal.timeout(20_000), callMilliseconds: CALL })
}

/** Addresses of what changed on a side, in the order in which it changed. */
export function changesOf(world: World, side: Side): readonly Address[] {
  return world.effects.filter((one) => one.side === side).map(({ of }) => of as Address)
}
