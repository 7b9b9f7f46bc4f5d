import { Fault } from '../../core/errors.ts'
import { type Address, type Item, segmentsOf } from '../../core/model.ts'
import type { Tracking } from '../../mlflow/tracking.ts'
import { ahead } from '../ahead.ts'
import type { Notes } from '../history-place.ts'
import type { Carriage, Converged, Place, Reach, Service } from '../service.ts'
import { add, type Bringing, become, keepLeft, tellLost, type Wanted, type Ways } from './becoming.ts'
import { openRefusals } from './keeping.ts'
import { sameMetrics } from './lacking.ts'
import type { LineageAccess } from './lineage.ts'
import type { Residents } from './memory.ts'
import { afterParents } from './nesting.ts'
import { type Reading, reading } from './reading.ts'
import { isDeleted, isOpenBody, type RunBody, runBody } from './schema.ts'

/** How runs are reached in one place. */
export interface RunAccess {
  readonly tracking: Tracking
  /**
   * Creates a run under the id it has at its source, with its start, where the server lets a client choose: true if
   * the server took it. Found out by trying; whether it stands is then read.
   */
  createWithId(run: RunBody, signal: AbortSignal): Promise<boolean>
  /** Sets the start of a run that stands under its source's id: true if the server took it. */
  setStart(run: RunBody, signal: AbortSignal): Promise<boolean>
  /** What its jobs have read and made. Absent: the place has no words for it, and a tag keeps it. */
  readonly lineage?: LineageAccess
  /** What is remembered of its runs from one process to the next. */
  readonly notes?: Notes
  /** Who is here, where somebody has looked already and goes on learning. Absent: the runs of the place are read. */
  readonly residents?: Residents
  /** Which creations were begun. Absent: nobody notes them, and a run is looked for before it is created. */
  readonly creations?: Creations
}

/** Notes of creations, so that one of which nobody heard the end is looked for before it is made again. */
export interface Creations {
  /** True if this one was begun, also by a process that is gone. */
  begun(sharedId: string): boolean
  /** On disk when it returns. */
  begin(sharedId: string): void
}

/** Runs read at once: each is a request a metric. */
const READS_AT_ONCE = 8
/** How often a run is read again that grows between its reading and its carrying. */
const TRIES = 3

/** A service that may be told which runs it is going to be asked for. */
export interface Runs extends Service {
  /** Gives the same runs in the same order; points may be read before they are asked for, many runs at a time. */
  readonly readAhead: Reading['ahead']
}

/** Runs of the history with every metric point. See ./readme.md. */
export function runs(accessOf: (place: Place) => RunAccess, now: () => number = Date.now): Runs {
  const seen = reading(accessOf)
  const ways: Ways = { accessOf, seen, live: new Map() }
  const refusalsOf = async (place: Place, signal: AbortSignal) =>
    openRefusals(accessOf(place).tracking, (await seen.memory(place, signal)).oddMetrics)

  async function* list(place: Place, { signal, afresh }: Reach): AsyncIterable<Item> {
    const { experiments } = await seen.memory(place, signal, 'fresh')
    const found = accessOf(place).tracking.runs([...experiments.keys()], signal)
    const read = seen.ahead(place, found, { signal, afresh })
    yield* afterParents(ahead(READS_AT_ONCE, read, (run) => seen.item(place, run, { signal, afresh })))
  }

  async function read(place: Place, of: Address, { signal, as }: Reach): Promise<Item | undefined> {
    const [, id = ''] = segmentsOf(of)
    const run = await seen.find(place, id, signal)
    // Who reads a run as a source is about to carry it.
    return run === undefined ? undefined : seen.item(place, run, { signal, hold: as === 'source' })
  }

  async function converge(place: Place, wanted: Item, carriage: Carriage): Promise<Converged> {
    const { source, signal } = carriage
    try {
      return await converging(place, wanted, carriage)
    } finally {
      const { id } = runBody(place, wanted.body)
      seen.release(source, (await seen.memory(source, signal)).ownId(id))
    }
  }

  async function converging(place: Place, wanted: Item, carriage: Carriage): Promise<Converged> {
    const { source, signal } = carriage
    const refusals = await refusalsOf(place, signal)
    let item = wanted
    let observedAt: number | undefined
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const bringing = { body: runBody(place, item.body), carriage, refusals }
      const carried = await become(ways, place, bringing)
      // Something is refused by its name, and is sent under another one now.
      if (carried === undefined) continue
      const stands = await standing(place, item, bringing)
      if (sameMetrics(bringing.body.metrics, carried)) {
        return observedAt === undefined ? stands : { ...stands, observedAt }
      }
      // The source has grown while its points passed. What was read here began with its fields, as a listing does.
      const { metrics } = runBody(place, stands.body)
      if (observedAt !== undefined && sameMetrics(metrics, carried)) return { ...stands, observedAt }
      // How it was when it was planned is forgotten: what it is now is carried instead.
      observedAt = source.now?.() ?? now()
      const grown = await read(source, wanted.address, { signal, as: 'source' })
      if (grown === undefined) break
      item = grown
    }
    throw new Fault('azure/changed', `${wanted.address} changed at its source while it was being carried`, {
      hint: 'Nothing to do: the next pass reads it again.',
    })
  }

  /** What is there after a write, with what the place did not take kept beside. */
  async function standing(place: Place, wanted: Item, bringing: Bringing, only?: Wanted): Promise<Item> {
    const { signal } = bringing.carriage
    const stands = (await read(place, wanted.address, { signal })) ?? wanted
    const getting = { ...bringing, only }
    if (!(await keepLeft(ways, place, runBody(place, stands.body), getting))) return stands
    const now = (await read(place, wanted.address, { signal })) ?? stands
    await tellLost(ways, place, runBody(place, now.body), getting)
    return now
  }

  async function mergeInto(place: Place, theirs: Item, carriage: Carriage): Promise<Converged> {
    const { signal } = carriage
    const bringing = { body: runBody(place, theirs.body), carriage, refusals: await refusalsOf(place, signal) }
    let only: Wanted | undefined
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const there = await seen.find(place, bringing.body.id, signal)
      if (there === undefined) return converge(place, theirs, carriage)
      const added = await add(ways, place, there, bringing)
      only ??= added.lack
      if (added.isDone) break
    }
    return standing(place, theirs, bringing, only)
  }

  async function remove(place: Place, of: Address, { signal }: Reach): Promise<void> {
    const there = await seen.find(place, segmentsOf(of)[1] ?? '', signal)
    if (there === undefined || isDeleted(there)) return
    await accessOf(place).tracking.setRunDeleted(there.info.run_id, true, signal)
  }

  return {
    kind: 'run',
    needs: ['experiment'],
    can: { converge: true, update: true, remove: false, acts: false, ordered: false },
    list,
    read,
    references: () => [],
    open: isOpenBody,
    converge,
    mergeInto,
    remove,
    readAhead: seen.ahead,
  }
}
