import { Fault, type FaultCode, isFault } from '../core/errors.ts'
import type { Address, JsonObject } from '../core/model.ts'
import { type Attempted, Run } from '../core/run.ts'
import type { Plan, Step } from '../core/step.ts'
import { type Carried, carry, type Ends } from './carry.ts'
import type { Parts } from './parts.ts'
import { type Doubt, goneIn } from './presence.ts'
import type { Tenure } from './tenure.ts'

/** What executing a plan came to. */
export interface Execution {
  readonly carried: ReadonlyMap<Address, Carried>
  /** Steps that failed for good or too often, with the last failure of each. */
  readonly quarantined: readonly Attempted[]
  /** Steps that could not start because of them. */
  readonly stuck: readonly Attempted[]
  /** Why it ended before every step was tried: a side is gone. */
  readonly brokenOff?: Fault
}

export interface ExecuteOptions {
  readonly parts: Parts
  readonly tenure: Tenure
  readonly ends: Ends
  /** Id under which the journal keeps the steps. The same id goes on where it was. */
  readonly run: string
  readonly signal: AbortSignal
  /** Is told of each step that failed, before it is tried again. */
  readonly doubt?: Doubt
  /** Longest that one call to the world may take: no step starts that the lease would not outlast by so much. */
  readonly callMilliseconds: number
}

/** Steps under way at once. */
const WIDTH = 8

/**
 * Makes a plan true, step by step, each recorded before and after.
 *
 * A process that goes on with the same run repeats what was begun and has no end, and nothing that has one.
 * A step that fails does not stop those that do not need it.
 */
export async function execute(plan: Plan, options: ExecuteOptions): Promise<Execution> {
  const { parts, tenure, run: id, callMilliseconds } = options
  const signal = AbortSignal.any([options.signal, tenure.signal])
  const run = new Run(plan)
  for await (const record of parts.store.read(parts.protection, { run: id })) run.record(record)
  run.resume()

  const carried = new Map<Address, Carried>()
  const underWay = new Set<Promise<void>>()
  // What ends the whole act; it may come while nobody waits for the step that it came from.
  const failures: unknown[] = []
  parts.progress.phase('carrying', plan.steps.length)

  async function record(type: string, body: JsonObject): Promise<void> {
    await tenure.append(id, { type, body })
    run.record({ type, body })
  }

  async function perform(step: Step): Promise<void> {
    const { address } = step
    try {
      carried.set(address, await carry(step, options.ends, parts.services, signal))
      await record('step/done', { address })
      parts.progress.advance()
    } catch (thrown) {
      await options.doubt?.(thrown)
      if (signal.aborted) throw signal.reason
      await record('step/failed', { address, ...failureOf(thrown) })
    }
  }

  async function turn(): Promise<void> {
    signal.throwIfAborted()
    if (failures.length > 0) throw failures[0]
    const steps = run.ready(WIDTH - underWay.size)
    if (steps.length > 0) {
      tenure.demand(callMilliseconds)
      await tenure.append(id, ...steps.map(({ address }) => ({ type: 'step/begun', body: { address } })))
      for (const step of steps) {
        run.record({ type: 'step/begun', body: { address: step.address } })
        const work: Promise<void> = perform(step)
          .catch((thrown: unknown) => void failures.push(thrown))
          .finally(() => underWay.delete(work))
        underWay.add(work)
      }
    }
    if (underWay.size === 0) throw new Fault('run/defect', `Nothing of ${id} can start, and it is not over`)
    await Promise.race(underWay)
  }

  try {
    while (!run.finished) await turn()
  } catch (thrown) {
    if (goneIn(signal) === undefined) throw thrown
  } finally {
    await Promise.all(underWay)
  }
  const brokenOff = goneIn(signal)
  const ended = { carried, quarantined: run.quarantined, stuck: run.stuck }
  return brokenOff === undefined ? ended : { ...ended, brokenOff }
}

/** A failure as the journal keeps it. A defect is one too: it must not stop what has nothing to do with it. */
function failureOf(thrown: unknown): { code: FaultCode; message: string } {
  if (isFault(thrown)) return { code: thrown.code, message: thrown.message }
  const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  return { code: 'run/defect', message }
}
