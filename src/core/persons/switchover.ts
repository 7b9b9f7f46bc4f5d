import { type Milliseconds, roughly } from '../duration.ts'
import type { Running, Standby } from '../failover.ts'
import type { Health } from '../health.ts'
import { type Instant, otherSide, type Roles, type Side } from '../model.ts'
import type { Pause } from './pause.ts'

/** What becomes of jobs that run when the active side is left: they are waited for, or cancelled and submitted again. */
export type JobsAtSwitchover = 'wait' | 'resubmit'

/** What a person wants of a switchover. */
export interface SwitchoverWish {
  readonly by: string
  readonly jobs: JobsAtSwitchover
  /** Longest that jobs are waited for. */
  readonly wait: Milliseconds
  /** Set for a failback: the side that is to be active at the end. */
  readonly towards?: Side
}

/** Everything that says whether the active side can be left without losing anything. */
export interface Leaving {
  readonly wish: SwitchoverWish
  readonly roles: Roles
  readonly health: Readonly<Record<Side, Health>>
  readonly standby: Standby
  readonly away?: { readonly side: Side; readonly failover: string }
  readonly running?: Running
  readonly pause?: Pause
  readonly now: Instant
  /** What both sides changed while they were apart, and a person has not settled. */
  readonly conflicts: readonly string[]
  /** What no pass can carry, in sentences. */
  readonly uncarried: readonly string[]
  /** What the other side has no room for, in sentences. */
  readonly lacking: readonly string[]
}

/** A reason against it, with the one act that would do away with it. */
export interface Refusal {
  readonly reason: string
  readonly hint: string
}

const NO_ROOM = 'Ask for quota there, let less of it grow so far, or map it to a size that there is in `mappings`.'

/** Every reason for which the active side may not be left now. None: it may. */
export function refusals(leaving: Leaving): readonly Refusal[] {
  const { roles, wish, away, running, pause } = leaving
  const to = otherSide(roles.active)
  if (wish.towards === roles.active)
    return [{ reason: `The ${roles.active} is active already`, hint: 'There is nothing to do.' }]
  if (running !== undefined) {
    const [what, verb] = running.planned === true ? ['Switchover', 'switchover'] : ['Failover', 'failover']
    const hint = `Let it come to its end: \`holdfast serve\` or \`holdfast ${verb} --yes\` carries it on.`
    return [{ reason: `${what} ${running.id} is under way`, hint }]
  }
  if (away !== undefined) {
    const reason = `The ${away.side} was left by failover ${away.failover} and was not taken back: it lacks what came since`
    return [{ reason, hint: 'Run `holdfast sync` when it answers: it is taken back and follows.' }]
  }
  return [
    ...(pause === undefined ? [] : [paused(pause, leaving.now)]),
    ...wellness(leaving),
    ...(leaving.standby.synced ? [] : [neverInStep(to)]),
    ...conflicting(leaving.conflicts),
    ...leaving.uncarried.map((reason) => ({ reason, hint: 'Correct it, or exclude it in the policy.' })),
    ...leaving.lacking.map((reason) => ({ reason, hint: NO_ROOM })),
  ]
}

function paused({ by, why, until }: Pause, now: Instant): Refusal {
  const end = until === undefined ? 'until it is resumed' : `for another ${roughly(until - now)}`
  return { reason: `${by} paused it ${end}${why === '' ? '' : `: ${why}`}`, hint: 'Run `holdfast resume` first.' }
}

function wellness({ roles, health }: Leaving): readonly Refusal[] {
  const [from, to] = [health[roles.active], health[otherSide(roles.active)]]
  const refused: Refusal[] = []
  if (!answers(from)) {
    const hint = 'What a side that is not well has cannot all be carried: see `holdfast failover`.'
    refused.push({ reason: from.reason, hint })
  }
  if (!answers(to)) refused.push({ reason: to.reason, hint: 'Wait until it is well; it must be able to take over.' })
  return refused
}

/** Whether everything that carrying and raising touch answers there. */
function answers({ planes }: Health): boolean {
  const needed = planes.filter(({ plane }) => plane !== 'scoring')
  return needed.length > 0 && needed.every(({ verdict }) => verdict === 'up')
}

function neverInStep(to: Side): Refusal {
  return { reason: `The ${to} was never in step`, hint: 'Run `holdfast sync` first.' }
}

function conflicting(conflicts: readonly string[]): readonly Refusal[] {
  if (conflicts.length === 0) return []
  const reason = `Both sides changed ${conflicts.join(', ')} while they were apart, and each still has its own`
  return [{ reason, hint: 'See them with `holdfast resolve`, and let the active side’s stand.' }]
}

/** What is about to happen to jobs that run now, for the plan that a person reads. */
export function jobsSentence(count: number, { jobs, wait }: SwitchoverWish): string {
  if (count === 0) return 'no job is under way'
  const those = count === 1 ? 'the job that is under way' : `the ${count} jobs that are under way`
  return jobs === 'wait'
    ? `wait for ${those}, up to ${roughly(wait)}; if one still runs then, go back`
    : `cancel ${those} and submit each again, from its last checkpoint`
}
