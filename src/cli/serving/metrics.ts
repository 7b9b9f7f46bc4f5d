import type { Metric, Value } from '../../api/metrics.ts'
import { inMaintenance } from '../../core/policy.ts'
import { approvalNow } from '../../engine/deciding/proposing.ts'
import { pauseNow } from '../../engine/pause.ts'
import { pointersLeft } from '../../engine/pointer-left.ts'
import { rolesOf } from '../../engine/roles.ts'
import type { Composed } from '../compose/compose.ts'
import { isOpen } from '../verbs/approve.ts'
import type { Seen } from './witnessed.ts'

const SIDES = ['primary', 'secondary'] as const

/** Everything that is measured of one controller and its protection. It asks neither side. */
export async function metricsOf(joined: Composed, seen: Seen): Promise<readonly Metric[]> {
  const all = [...(await stored(joined)), ...watched(seen), ...done(seen), ...called(joined)]
  const label = { protection: joined.policy.name }
  return all.map((one) => ({
    ...one,
    values: one.values.map(([labels, value]): Value => [{ ...label, ...labels }, value]),
  }))
}

function gauge(name: string, help: string, ...values: readonly Value[]): Metric {
  return { name: `holdfast_${name}`, is: 'gauge', help, values }
}

function counter(name: string, help: string, ...values: readonly Value[]): Metric {
  return { name: `holdfast_${name}_total`, is: 'counter', help, values }
}

function one(value: number | boolean): Value {
  return [{}, Number(value)]
}

/** What every controller of a protection measures alike: it stands in the store. */
async function stored({ policy, parts }: Composed): Promise<readonly Metric[]> {
  const now = parts.now()
  const { active, epoch } = await rolesOf(parts)
  const synced = await parts.store.fact(parts.protection, 'synced')
  const point = Number(synced?.['recoveryPoint'] ?? 0)
  const age = point === 0 ? [] : [one(Math.max(0, now - point) / 1000)]
  return [
    gauge('active', 'Whether a side is in charge.', ...SIDES.map((side): Value => [{ side }, Number(side === active)])),
    gauge('epoch', 'Epoch in which the active side took over.', one(epoch)),
    gauge('recovery_point_age_seconds', 'Age of the recovery point; absent before the first complete pass.', ...age),
    gauge(
      'refused_items',
      'Things that could never be carried: of these the recovery point says nothing.',
      one(Number(synced?.['refused'] ?? 0)),
    ),
    gauge('recovery_point_objective_seconds', 'How old it may be, by the policy.', one(policy.objectives.rpo / 1000)),
    gauge('paused', 'Whether a person holds what is automatic.', one((await pauseNow(parts)) !== undefined)),
    gauge('maintenance', 'Whether a maintenance window is open.', one(inMaintenance(policy.maintenance, now))),
    gauge('approval_open', 'Whether a failover waits for an approval.', one(isOpen(await approvalNow(parts), now))),
    gauge('pointers_left', 'Pointers that could not be moved yet.', one((await pointersLeft(parts)).names.length)),
  ]
}

function watched({ health, heldBy, leased, decision, phase }: Seen): readonly Metric[] {
  const planes = SIDES.flatMap((side) =>
    (health?.health[side].planes ?? [])
      .filter(({ verdict }) => verdict !== 'unknown')
      .map(({ plane, verdict }): Value => [{ side, plane }, Number(verdict === 'up')]),
  )
  const statuses = SIDES.flatMap((side): Value[] =>
    health === undefined ? [] : [[{ side, status: health.health[side].status }, 1]],
  )
  return [
    gauge(
      'plane_up',
      'Whether a majority sees a plane of a side up (1) or down (0); absent where it is unknown.',
      ...planes,
    ),
    gauge('side_status', 'What a majority makes of a side: healthy, degraded, lost or unknown.', ...statuses),
    gauge(
      'vantage_points_silent',
      'Vantage points that said nothing credible.',
      ...(health === undefined ? [] : [one(Object.keys(health.silent).length)]),
    ),
    gauge('lease_held', 'Whether this controller holds the lease.', one(leased)),
    gauge(
      'lease_holder',
      'Who holds it, where that is another.',
      ...(heldBy === undefined ? [] : ([[{ holder: heldBy }, 1]] as const)),
    ),
    gauge('decision', 'The last decision of this controller.', [{ decision }, 1]),
    gauge(
      'failover_under_way',
      'Whether this controller carries a failover or switchover out.',
      one(phase !== undefined),
    ),
    gauge('notifications_pending', 'Targets that have not taken what there is to tell them.', one(health?.untold ?? 0)),
  ]
}

function done({ passes, last, failovers, troubles }: Seen): readonly Metric[] {
  const { done: well, failed, milliseconds } = passes
  const ended = Object.entries(failovers).map(([outcome, count]): Value => [{ outcome }, count])
  return [
    counter('passes', 'Passes of this controller.', [{ outcome: 'done' }, well], [{ outcome: 'failed' }, failed]),
    counter('pass_seconds', 'Time that its passes took.', one(milliseconds / 1000)),
    gauge(
      'items',
      'Items that the last pass saw in the active side.',
      ...(last === undefined ? [] : [one(last.items)]),
    ),
    gauge(
      'items_behind',
      'Items whose replica is not their latest state.',
      ...(last === undefined ? [] : [one(last.behind)]),
    ),
    gauge(
      'items_failed',
      'Items that the last pass could not carry.',
      ...(last === undefined ? [] : [one(last.failed)]),
    ),
    counter('failovers', 'Failovers and switchovers that this controller ended.', ...ended),
    counter('troubles', 'Ticks and other acts of this controller that failed.', one(troubles)),
  ]
}

function called({ estate }: Composed): readonly Metric[] {
  const values = estate.calls().map(({ plane, outcome, count }): Value => [{ plane, outcome }, count])
  return [counter('azure_calls', 'Requests to Azure by plane and outcome; throttled: 429 and 503.', ...values)]
}
