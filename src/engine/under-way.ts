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

/**
 * What a decision must know of it. One that took the place of a switchover goes on although its side answers again: given
 * up, it would leave off what that had stopped there.
 */
export function runningOf({ id, committed, agreed, move, begun }: FailoverState): Running {
  const deliberate = agreed || begun['deliberate'] === true || begun['instead'] !== undefined
  return { id, committed, planned: move === 'switchover', deliberate }
}
