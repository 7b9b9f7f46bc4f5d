import type { Health } from '../../core/health.ts'
import { type Item, type JsonObject, otherSide, type Side } from '../../core/model.ts'
import { type Refusal, refusals, type SwitchoverWish } from '../../core/persons/switchover.ts'
import type { NewRecord } from '../../store/store.ts'
import type { Parts } from '../parts.ts'
import { pauseNow } from '../pause.ts'
import { conflictsOf, rolesOf, sideAway, standbyOf } from '../roles.ts'
import { lackingAt } from '../room.ts'
import { type Carrying, type Prepared, prepare } from '../sync.ts'
import { runningOf, underWay } from '../under-way.ts'
import { uncarried } from './equal.ts'
import { openJobs } from './stopping.ts'

/** What stands against a switchover, and what it would meet. */
export interface Checked {
  readonly from: Side
  readonly to: Side
  readonly refusals: readonly Refusal[]
  /** What would be carried first; `undefined` where something already stood against it and neither side was read. */
  readonly prepared: Prepared | undefined
  readonly open: readonly Item[]
}

export interface Checking {
  readonly parts: Parts
  readonly carrying: Carrying
  readonly wish: SwitchoverWish
  readonly health: Readonly<Record<Side, Health>>
  readonly signal: AbortSignal
}

/** Looks whether the active side can be left without losing anything. Changes nothing. */
export async function checkSwitchover({ parts, carrying, wish, health, signal }: Checking): Promise<Checked> {
  const roles = await rolesOf(parts)
  const [from, to] = [roles.active, otherSide(roles.active)]
  const away = await sideAway(parts, roles)
  const running = await underWay(parts)
  const pause = await pauseNow(parts)
  const leaving = {
    wish,
    roles,
    health,
    standby: await standbyOf(parts, roles, away),
    ...(away === undefined ? {} : { away }),
    ...(running === undefined ? {} : { running: runningOf(running) }),
    ...(pause === undefined ? {} : { pause }),
    now: parts.now(),
    conflicts: Object.keys(await conflictsOf(parts)),
    uncarried: [],
    lacking: [],
  }
  const already = refusals(leaving)
  if (already.length > 0) return { from, to, refusals: already, prepared: undefined, open: [] }
  const prepared = await prepare({ parts, active: from, carrying, signal })
  const left = uncarried(prepared, { parts, but: () => false })
  const lacking = await lackingAt({ parts, side: to, signal }, ({ kind }) => prepared.source.snapshot.items(kind))
  const open = await openJobs({ parts, from, signal })
  return { from, to, refusals: refusals({ ...leaving, uncarried: left, lacking }), prepared, open }
}

/** Why a switchover that was checked may not begin any more. Ask under the lease: nothing of this changes then. */
export async function refusedByNow(parts: Parts, { from }: Pick<Checked, 'from'>): Promise<string | undefined> {
  const roles = await rolesOf(parts)
  const running = await underWay(parts)
  if (running !== undefined) return `Failover ${running.id} is under way`
  if (roles.active !== from) return `The ${roles.active} is active by now`
  const away = await sideAway(parts, roles)
  if (away !== undefined) return `The ${away.side} was left by failover ${away.failover} by now`
  const pause = await pauseNow(parts)
  return pause === undefined ? undefined : `${pause.by} has paused it by now`
}

/** The first records of a switchover. It is carried out as a failover is, from the journal, by whoever holds the lease. */
export function switchoverRecords(
  { from, to }: Pick<Checked, 'from' | 'to'>,
  wish: SwitchoverWish,
  { id, epoch, now }: { readonly id: string; readonly epoch: number; readonly now: number },
): readonly NewRecord[] {
  const body: JsonObject = {
    id,
    move: 'switchover',
    from,
    to,
    epoch,
    by: wish.by,
    reason: `${wish.by} wants the ${to} to take over from the ${from}, which is well`,
    jobs: wish.jobs,
    waitUntil: now + wish.wait,
  }
  return [
    { run: id, type: 'failover/begun', body },
    { run: id, type: 'failover/phase-done', body: { id, phase: 'decide', milliseconds: 0 } },
  ]
}
