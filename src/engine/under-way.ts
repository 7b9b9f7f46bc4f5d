import type { Running } from '../core/failover.ts'
import { type FailoverState, runningFailover } from '../core/phases.ts'
import type { Parts } from './parts.ts'

/** The failover that has begun and not ended, as the journal has it. */
export async function underWay(parts: Parts): Promise<FailoverState | undefined> {
  const records = []
  for await (const record of parts.store.read(parts.protection, { typed: 'failover/' })) records.push(record)
  return runningFailover(records)
}

/** What a decision must know of it. */
export function runningOf({ id, committed, agreed, move, begun }: FailoverState): Running {
  return { id, committed, planned: move === 'switchover', deliberate: agreed || begun['deliberate'] === true }
}
