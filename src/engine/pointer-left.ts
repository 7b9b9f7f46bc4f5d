import type { JsonObject } from '../core/model.ts'
import type { Parts } from './parts.ts'
import { type Active, pointAll, type Target, targetName } from './pointer.ts'
import { rolesOf } from './roles.ts'
import type { Tenure } from './tenure.ts'
import { underWay } from './under-way.ts'

interface Again {
  readonly parts: Parts
  readonly tenure: Tenure
  readonly targets: readonly Target[]
  /** What is in charge and where it is. */
  active(side: Active['side']): Pick<Active, 'name' | 'location'>
  readonly signal: AbortSignal
  readonly callMilliseconds: number
}

/** Names of targets that the last change of the active side could not move and nothing has moved since, by its run. */
export async function pointersLeft({ store, protection }: Parts): Promise<{ run: string; names: readonly string[] }> {
  let run = ''
  let names = new Set<string>()
  for await (const record of store.read(protection, { typed: 'failover/phase-done' })) {
    if (record.body['phase'] !== 'pointer') continue
    const left = ((record.body['result'] as JsonObject | undefined)?.['left'] ?? []) as readonly JsonObject[]
    run = record.run
    names = new Set(left.map(({ target }) => String(target)))
  }
  if (names.size === 0) return { run, names: [] }
  for await (const { body } of store.read(protection, { run, typed: 'pointer/moved' }))
    names.delete(String(body['target']))
  return { run, names: [...names] }
}

/** Tries the targets again that were left; each that is moved is written down. Returns those that are still left. */
export async function pointAgain(again: Again): Promise<readonly string[]> {
  const { parts, tenure, targets, active, signal, callMilliseconds } = again
  const { run, names } = await pointersLeft(parts)
  const wanted = targets.filter((target) => names.includes(targetName(target)))
  if (wanted.length === 0) return []
  // Another that is under way moves them itself, and not to the side that is in charge now.
  const running = await underWay(parts)
  if (running !== undefined && running.id !== run) return []
  const { active: side, epoch } = await rolesOf(parts)
  const permit = () => tenure.demand(callMilliseconds)
  const { moved, left } = await pointAll(wanted, { ...active(side), side, epoch }, { signal, callMilliseconds, permit })
  for (const { target } of moved) await tenure.append(run, { type: 'pointer/moved', body: { id: run, target, epoch } })
  return left.map(({ target }) => target)
}
