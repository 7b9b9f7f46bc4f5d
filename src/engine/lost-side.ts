import type { JsonObject } from '../core/model.ts'
import type { Service } from '../services/service.ts'
import { fence } from './fence.ts'
import type { Failing } from './phase-acts.ts'
import { type Pass, pass } from './sync.ts'

/**
 * Stops what acts on the lost side, as far as it answers.
 *
 * What acts is read a last time before: once it is stopped, a schedule looks as if it had never been on and a job as
 * if nobody wanted it. The journal keeps that the stopping has begun, so that no other process reads it after that.
 */
export async function fenceLost(failing: Failing): Promise<JsonObject> {
  const { parts, from, tenure, id, signal, callMilliseconds, lostSideMilliseconds } = failing
  if (!(await hasBegun(failing))) {
    await lastPass(failing, (service) => (acts(service) ? undefined : 'it is read after the fence'))
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
    if (signal.aborted) throw thrown
    return { gone: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}

function acts(service: Service): boolean {
  return service.fence !== undefined
}

async function hasBegun({ parts, id }: Failing): Promise<boolean> {
  for await (const { type } of parts.store.read(parts.protection, { run: id })) if (type === 'fence/begun') return true
  return false
}
