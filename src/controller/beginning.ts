import type { Decision } from '../core/failover.ts'
import type { Health } from '../core/health.ts'
import type { Beginning } from '../engine/failover.ts'
import type { Parts } from '../engine/parts.ts'

/** Decided to fail over, maybe on a person's approval of a plan. */
export type FailOver = Extract<Decision, { do: 'fail-over' }> & { readonly approval?: string }

interface Known {
  readonly id: string
  /** Of the side that is left. */
  readonly health: Health
  /** By the controller's clock. */
  readonly now: number
}

/** All that the journal is told of a failover that begins: what was decided, and how long it took to see and to decide. */
export async function beginningOf(parts: Parts, decision: FailOver, { id, health, now }: Known): Promise<Beginning> {
  const { from, to, epoch, reason, approval } = decision
  const { lastAnswered, since, status } = health
  // Only a person's word leads away from a side that is not lost.
  const deliberate = status !== 'lost'
  const synced = await parts.store.fact(parts.protection, 'synced')
  return {
    id,
    from,
    to,
    epoch,
    reason,
    recoveryPoint: Number(synced?.['recoveryPoint'] ?? 0),
    silent: status === 'lost',
    ...(deliberate ? { deliberate } : {}),
    lastAnswered: lastAnswered === undefined ? 0 : Math.round(parts.now() - (now - lastAnswered.at)),
    detectMilliseconds: lastAnswered === undefined ? 0 : Math.max(0, since - lastAnswered.at),
    decideMilliseconds: now - since,
    ...(approval === undefined ? {} : { approval }),
  }
}
