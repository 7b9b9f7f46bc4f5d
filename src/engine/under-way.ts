import type { Running } from '../core/failover.ts'
import { type FailoverState, runningFailover } from '../core/phases.ts'
import type { Parts } from './parts.ts'

/** The failover that has begun and not ended, as the journal has it. */
export async function underWay({
  store,
  protection,
}: Pick<Parts, 'store' | 'protection'>): Promise<FailoverState | undefined> {
  let last: string | undefined
  // None begins while another is under way.
  for await (const { run } of store.read(protection, { typed: 'failover/begun' })) last = run
  if (last === undefined) return undefined
  return runningFailover(await Array.fromAsync(store.read(protection, { run: last, typed: 'failover/' })))
}

/** What a decision must know of it. */
export function runningOf({ id, committed, agreed, move, begun }: FailoverState): Running {
  return { id, committed, planned: move === 'switchover', deliberate: agreed || begun['deliberate'] === true }
}
