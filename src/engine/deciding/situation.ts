import type { Situation } from '../../core/failover.ts'
import type { Tick } from '../../core/health.ts'
import type { Side } from '../../core/model.ts'
import type { Policy } from '../../core/policy.ts'
import type { Parts } from '../parts.ts'
import { pauseNow } from '../pause.ts'
import { rolesOf, sideAway, standbyOf } from '../roles.ts'
import { runningOf, underWay } from '../under-way.ts'

/** What of a situation only whoever decides knows: how it sees the sides, and where and when it is. */
export interface Seen extends Pick<Situation, 'health' | 'lastFailover'> {
  readonly tick: Tick
  /** Whether this process runs inside the region of a side. */
  inside(side: Side): boolean
}

/** Everything that is decided by, as journal and facts have it now. Whoever asks holds the lease. */
export async function situationOf(parts: Parts, policy: Policy, { tick, inside, ...seen }: Seen): Promise<Situation> {
  const roles = await rolesOf(parts)
  const running = await underWay(parts)
  return {
    ...seen,
    policy: policy.failover,
    maintenance: policy.maintenance,
    roles,
    leased: true,
    insideActive: inside(roles.active),
    standby: await standbyOf(parts, roles, await sideAway(parts, roles)),
    paused: (await pauseNow(parts)) !== undefined,
    ...(running === undefined ? {} : { running: runningOf(running) }),
    now: { tick, wall: parts.now() },
  }
}
