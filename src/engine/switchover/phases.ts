import { isFault } from '../../core/errors.ts'
import type { JsonObject } from '../../core/model.ts'
import type { Failing } from '../phase-acts.ts'
import { promote } from '../promote.ts'
import { submitBack } from '../resubmit.ts'
import { comeback } from '../return/comeback.ts'
import { recordReturn } from '../roles.ts'
import { demandEqual } from './equal.ts'
import { fires, has, passOf, quiesce, runs, settle, stop } from './stopping.ts'

/** Passes after which what still changes is written by somebody who does not stop. */
const ROUNDS = 6

/** Passes until one finds no difference at all: nothing acts any more, so whatever differs is on its way. */
async function carry(failing: Failing): Promise<JsonObject> {
  const { parts } = failing
  const acts = (service: Parameters<typeof fires>[0]) => fires(service) || runs(service)
  for (let round = 1; ; round++) {
    const done = await passOf(failing, (service) => (acts(service) ? 'it was read before it was stopped' : undefined))
    try {
      demandEqual(done, { parts, but: acts, stepsToo: true })
      return { passes: round, items: done.source.snapshot.size }
    } catch (thrown) {
      if (!isFault(thrown, 'azure/changed') || round >= ROUNDS) throw thrown
    }
  }
}

/** What was written to the side that was left after the last pass is carried over, and it follows from now on. */
async function takeBack(failing: Failing): Promise<JsonObject> {
  const { parts, tenure, to, from, id, carrying, signal, callMilliseconds } = failing
  const back = await comeback({ parts, tenure, active: to, failover: id, carrying, signal, callMilliseconds })
  await recordReturn(parts, tenure, { ...back, side: from, failover: id })
  return { stopped: back.fenced.stopped, findings: back.findings.map((one) => ({ ...one })) }
}

/** All goes back to where it was: what fired fires again, and jobs that were cancelled are submitted again. */
async function reopen(failing: Failing): Promise<JsonObject> {
  const { parts, from, tenure, signal, callMilliseconds } = failing
  const begun = await has(failing, 'quiesce/begun')
  const { raised, failed } = begun
    ? await promote(parts, from, { tenure, signal, callMilliseconds, mapped: new Map() })
    : { raised: [], failed: {} }
  const jobs = (await has(failing, 'stop/begun')) ? await submitBack(failing) : {}
  return { raised, failed, ...jobs }
}

/** What the phases of a switchover do that those of a failover do not. Each may be done again. */
export const SWITCHOVER_ACTS = { quiesce, settle, stop, carry, return: takeBack, reopen } as const
