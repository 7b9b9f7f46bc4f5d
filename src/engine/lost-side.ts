import { isFault } from '../core/errors.ts'
import type { Json, JsonObject } from '../core/model.ts'
import type { FailoverState } from '../core/phases.ts'
import type { Service } from '../services/service.ts'
import { fence } from './fence.ts'
import type { Parts } from './parts.ts'
import type { Failing } from './phase-acts.ts'
import { fires, has, runs } from './switchover/stopping.ts'
import { type Pass, pass } from './sync.ts'

/**
 * Stops what acts on the lost side, as far as it answers.
 *
 * What acts is read a last time before: once it is stopped, a schedule looks as if it had never been on and a job as
 * if nobody wanted it. The journal keeps that the stopping has begun, so that no other process reads it after that. A
 * switchover whose place this takes may have stopped it before.
 */
export async function fenceLost(failing: Failing, { begun }: Pick<FailoverState, 'begun'>): Promise<JsonObject> {
  const { parts, from, tenure, id, signal, callMilliseconds, lostSideMilliseconds } = failing
  if (!(await has(failing, 'fence/begun'))) {
    const stopped = await stoppedBefore(parts, begun['instead'])
    await lastPass(failing, (service) => {
      if (!acts(service)) return 'it is read after the fence'
      return stopped(service) ? 'it was read before a switchover stopped it' : undefined
    })
    await tenure.append(id, { type: 'fence/begun', body: { id } })
  }
  const permit = () => tenure.demand(callMilliseconds)
  const fenced = await fence(parts, from, { signal, milliseconds: lostSideMilliseconds, permit })
  const { complete, stopped, unreached } = fenced
  return { complete, stopped, unreached, ...(parts.unfenced === undefined ? {} : { unfenced: parts.unfenced }) }
}

/** Reads from the lost side what it still gives: one last pass, if it answers at all within the time it gets. */
export async function drainLost(failing: Failing): Promise<JsonObject> {
  const last = await lastPass(failing, (service) => (acts(service) ? 'it was read before the fence' : undefined))
  if ('gone' in last) return { read: 0, carried: 0, unread: { all: last.gone } }
  const unread = [...last.source.incomplete].filter(
    ([kind]) => !failing.parts.services.some((one) => one.kind === kind && acts(one)),
  )
  return { read: last.source.complete.size, carried: last.plan.steps.length, unread: Object.fromEntries(unread) }
}

async function lastPass(
  { parts, tenure, carrying, from, signal, callMilliseconds, lostSideMilliseconds }: Failing,
  unread: (service: Service) => string | undefined,
): Promise<Pass | { readonly gone: string }> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(lostSideMilliseconds)])
  try {
    return await pass({ parts, tenure, active: from, carrying, signal: limited, callMilliseconds, unread })
  } catch (thrown) {
    if (signal.aborted || isFault(thrown, 'run/fenced')) throw thrown
    return { gone: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}

function acts(service: Service): boolean {
  return service.fence !== undefined
}

/** What a switchover that was given up has stopped already. */
async function stoppedBefore(parts: Parts, id: Json | undefined): Promise<(service: Service) => boolean> {
  if (typeof id !== 'string') return () => false
  const off = await has({ parts, id }, 'quiesce/begun')
  const cancelled = await has({ parts, id }, 'stop/begun')
  return (service) => (off && fires(service)) || (cancelled && runs(service))
}
