import { counted } from './counted.ts'
import { type Milliseconds, roughly } from './duration.ts'
import { type Health, type Plane, type Tick, type Verdict, voters } from './health.ts'
import { type Instant, otherSide, type Roles, type Side } from './model.ts'
import { type FailoverPolicy, inMaintenance, type MaintenanceWindow } from './policy.ts'

/** Everything a decision stands on. Nothing else may influence it. */
export interface Situation {
  readonly policy: FailoverPolicy
  readonly maintenance: readonly MaintenanceWindow[]
  readonly roles: Roles
  readonly health: Readonly<Record<Side, Health>>
  /** Whether this controller holds the lease, with time left for what it starts next. */
  readonly leased: boolean
  /** What the standby could take over with. */
  readonly standby: Standby
  /** A person holds everything automatic. */
  readonly paused: boolean
  /** A failover that has begun and not ended. */
  readonly running?: Running
  /** When the last failover ended, by this controller's clock. */
  readonly lastFailover?: Tick
  /** What a person has agreed to. */
  readonly consent?: Consent
  /** Whether this controller runs inside the region of the active side, and would be lost with it. */
  readonly insideActive: boolean
  readonly now: { readonly tick: Tick; readonly wall: Instant }
}

/** A failover or switchover that has begun and not ended. */
export interface Running {
  readonly id: string
  readonly committed: boolean
  /** The active side was well when it began, and was meant to be left: see `Move` in phases.ts. */
  readonly planned?: boolean
  /** A person wants it although its side is not lost, or not any more: that it answers is no reason to give it up. */
  readonly deliberate?: boolean
}

export interface Standby {
  /** Whether it has been in step with the active side at all, by a complete pass that was verified. */
  readonly synced: boolean
  /** The oldest recovery point of anything that travels, by the active side's clock. */
  readonly recoveryPoint?: Instant
  /** How many things were never carried and cannot be. The recovery point does not speak of them: they are lost whole. */
  readonly refused?: number
}

/** One person's yes to one failover. Good for the epoch in which it was given, until it expires. */
export interface Consent {
  readonly by: string
  readonly epoch: number
  readonly expires: Instant
  /** The loss that the person was shown and accepts. */
  readonly acceptLoss: Milliseconds
  /** Fails over although the active side is well. Otherwise a switchover, which loses nothing, is the right act. */
  readonly evenIfHealthy?: boolean
}

/** What to do now. `reason` says it to a person who was just woken. */
export type Decision =
  /** All is as it should be, or nothing better can be done. */
  | { readonly do: 'stay'; readonly reason: string }
  /** Nothing yet: look again, at the latest at this tick. */
  | { readonly do: 'wait'; readonly until: Tick; readonly reason: string }
  /** A person must decide. `drain`: meanwhile, read what the active side still gives. */
  | { readonly do: 'ask'; readonly drain: boolean; readonly loss?: Milliseconds; readonly reason: string }
  /** Only the endpoints of the active side fail: let the standby's answer. */
  | { readonly do: 'move-endpoints'; readonly from: Side; readonly to: Side; readonly reason: string }
  | {
      readonly do: 'fail-over'
      readonly from: Side
      readonly to: Side
      /** The epoch that this decision was taken in. It is void in another. */
      readonly epoch: number
      readonly loss: Milliseconds
      readonly reason: string
      /** The switchover whose place it takes, where the side that this would leave was lost meanwhile. */
      readonly instead?: string
    }
  /** A failover is under way: see {@link nextPhase}. */
  | { readonly do: 'continue'; readonly id: string; readonly reason: string }
  /** A failover had begun, nothing had been done yet, and the active side answers again. No switchover ends like that. */
  | { readonly do: 'abandon'; readonly id: string; readonly reason: string }

/**
 * Decides what to do about the active side.
 *
 * Doubt keeps things as they are: no majority, no evidence. There is no failover without a standby that was in step
 * and answers now, none without the lease, none while signing in is down everywhere, and none by itself that would
 * lose more than the policy accepts. A failover that is committed goes on whatever else is the case.
 */
export function decide(situation: Situation): Decision {
  return inProgress(situation) ?? withoutEvidence(situation) ?? aboutHealth(situation)
}

/**
 * What a reason says, but for how long, how often and by whom it was seen: what lasts is news when it begins, and a point
 * that comes and goes makes nothing new of it.
 */
export function gistOf(reason: string): string {
  return reason.replace(/ \([^)]*\)/g, '').replace(/\d+[a-z]*/g, '')
}

/** Fewer vantage points, each with a vote, make no majority that may act by itself. */
const VOTERS = 3

function stay(reason: string): Decision {
  return { do: 'stay', reason }
}

function inProgress(situation: Situation): Decision | undefined {
  const { running, leased, health, roles, consent, now } = situation
  if (!leased) return stay('Another controller holds the lease; this one only watches')
  if (running === undefined) return undefined
  const { id, committed, planned, deliberate } = running
  const active = health[roles.active]
  if (planned === true) return plannedInProgress(running, situation)
  const isAgreed = deliberate === true || isValid(consent, situation)
  if (!committed && active.allDownSince === undefined && !isAgreed) {
    const reason = `${active.reason}, and nothing of failover ${id} has been done yet`
    if (answersAgain(active)) return { do: 'abandon', id, reason }
    return { do: 'wait', until: now.tick, reason: `${reason}. It goes on when there is evidence again` }
  }
  return { do: 'continue', id, reason: `Failover ${id} is under way and is carried to its end` }
}

/**
 * A planned move is carried on, unless the side that it would leave is lost before the other took over. Then a failover
 * takes its place, as soon as one may begin. Given up before that, it would leave off what it has stopped over there.
 */
function plannedInProgress({ id, committed }: Running, situation: Situation): Decision {
  const { running: _, ...free } = situation
  if (committed || situation.health[situation.roles.active].status !== 'lost')
    return { do: 'continue', id, reason: `Switchover ${id} is under way and is carried to its end` }
  const now = decide(free)
  if (now.do === 'fail-over') return { ...now, instead: id }
  if (now.do === 'ask') return now
  const until = now.do === 'wait' ? now.until : situation.now.tick
  return {
    do: 'wait',
    until,
    reason: `${now.reason}. Switchover ${id} is under way, and goes on when that side is back`,
  }
}

/** Whether a majority sees something of the side itself. Signing in is not of it. */
function answersAgain({ planes }: Health): boolean {
  return planes.some(({ plane, verdict }) => plane !== 'signin' && verdict === 'up')
}

function withoutEvidence(situation: Situation): Decision | undefined {
  const { health, roles, consent } = situation
  const active = health[roles.active]
  if (verdict(health.primary, 'signin') === 'down' && verdict(health.secondary, 'signin') === 'down') {
    return stay(
      'Signing in is down on both sides, so what fails may not be the region, and nothing could act over there',
    )
  }
  if (active.status === 'healthy' && !isValid(consent, situation)) {
    const standby = health[otherSide(roles.active)]
    const more = standby.status === 'healthy' ? '' : `. The standby is not well: ${standby.reason}`
    return stay(`The ${roles.active} is active and well${more}`)
  }
  return undefined
}

function aboutHealth(situation: Situation): Decision {
  const { health, roles, policy, now, consent } = situation
  const active = health[roles.active]
  if (isValid(consent, situation)) return takeOver(situation)
  if (active.status === 'lost') return takeOver(situation)
  if (active.status === 'unknown') return stay(`${active.reason}. Without a majority nothing is done`)
  if (active.allDownSince !== undefined) {
    const until = active.allDownSince + policy.after
    return { do: 'wait', until, reason: `${active.reason}. It counts as lost in ${roughly(until - now.tick)}` }
  }
  return aboutDegraded(situation, active)
}

function aboutDegraded(situation: Situation, active: Health): Decision {
  const { roles, policy, now, health } = situation
  const down = active.planes.filter((plane) => plane.verdict === 'down').map((plane) => plane.plane)
  const sustained = now.tick - active.since >= policy.after
  if (down.length === 1 && down[0] === 'scoring' && sustained) {
    const to = otherSide(roles.active)
    const held = heldBack(situation)
    if (verdict(health[to], 'scoring') !== 'up')
      return stay(`${active.reason}. The ${to} does not answer scoring either`)
    if (held !== undefined)
      return { do: 'ask', drain: false, reason: `${active.reason}. Its endpoints could move; ${held}` }
    return { do: 'move-endpoints', from: roles.active, to, reason: `${active.reason}. Only its endpoints move` }
  }
  if (down.includes('control') && verdict(active, 'data') === 'up' && sustained) {
    const reason = `${active.reason}. Its storage can still be read: what is there is drained, and a person decides`
    return { do: 'ask', drain: true, reason }
  }
  return stay(`${active.reason}. That is no loss of the region`)
}

function takeOver(situation: Situation): Decision {
  const { roles, health, standby, policy, now, consent } = situation
  const from = roles.active
  const to = otherSide(from)
  const active = health[from]
  if (!canTake(health[to])) return stay(`${active.reason}. There is nowhere to go: ${health[to].reason}`)
  if (!standby.synced || standby.recoveryPoint === undefined) {
    return stay(`${active.reason}. The ${to} was never in step with it, so only a backup can bring the work back`)
  }
  const loss = lossOf(situation, standby.recoveryPoint)
  const would = `${active.reason}. The ${to} can take over with the work up to ${roughly(loss)} before the last answer${butFor(standby)}`
  const agreed = isValid(consent, situation)
  const accepted = agreed ? consent.acceptLoss : policy.maxLoss
  const act: Decision = { do: 'fail-over', from, to, epoch: roles.epoch, loss, reason: would }
  const ask = (why: string): Decision => ({ do: 'ask', drain: false, loss, reason: `${would}; ${why}` })
  if (loss > accepted)
    return ask(`that is more than ${agreed ? `${consent.by} accepted` : 'maxLoss'}, ${roughly(accepted)}`)
  if (agreed) return { ...act, reason: `${would}; ${consent.by} agreed` }
  const coolUntil = (situation.lastFailover ?? Number.NEGATIVE_INFINITY) + policy.coolDown
  if (policy.mode === 'automatic' && now.tick < coolUntil) {
    return {
      do: 'wait',
      until: coolUntil,
      reason: `${would}; after the last failover nothing is automatic for ${roughly(coolUntil - now.tick)} yet`,
    }
  }
  const held = heldBack(situation)
  return held === undefined ? act : ask(held)
}

/** What is lost whatever the recovery point is. No span of time measures it, so that it is told and holds nothing back. */
function butFor({ refused = 0 }: Standby): string {
  return refused === 0 ? '' : `, but for ${counted(refused, 'thing')} that could never be carried`
}

/** Why nothing happens by itself, or `undefined` if it may. */
function heldBack({ policy, paused, maintenance, now, insideActive }: Situation): string | undefined {
  if (policy.mode === 'manual') return 'the mode is manual: run `holdfast failover`'
  if (policy.mode === 'approval') return 'the mode is approval: run `holdfast approve`'
  if (paused) return 'it is paused'
  if (inMaintenance(maintenance, now.wall)) return 'a maintenance window is open'
  if (insideActive) return 'this controller runs in the region that it would leave'
  const votes = voters({ points: policy.vantagePoints, demo: policy.demo }).size
  if (votes < VOTERS) return `only ${votes} of the vantage points have a host of their own, and it takes ${VOTERS}`
  return undefined
}

/** A yes holds in its epoch, for its time, and against a side that is well only where it was given for that too. */
function isValid(consent: Consent | undefined, { roles, now, health }: Situation): consent is Consent {
  if (consent === undefined || consent.epoch !== roles.epoch || now.wall >= consent.expires) return false
  return health[roles.active].status !== 'healthy' || consent.evenIfHealthy === true
}

/** Whether everything that a failover writes to answers there. Endpoints come up by the failover itself. */
function canTake(health: Health): boolean {
  const needed = health.planes.filter(({ plane }) => plane !== 'scoring')
  return needed.length > 0 && needed.every((plane) => plane.verdict === 'up')
}

function verdict(health: Health, plane: Plane): Verdict {
  return health.planes.find((one) => one.plane === plane)?.verdict ?? 'unknown'
}

/**
 * Work done after the recovery point and before everything of the side was seen down. What it did while unreachable
 * nobody can know.
 *
 * The last answer that was seen gives the side's own time. It is no bound itself: this controller may have looked
 * away since, or hear of it from a point that hangs.
 */
function lossOf({ health, roles, now }: Situation, recoveryPoint: Instant): Milliseconds {
  const { lastAnswered, allDownSince } = health[roles.active]
  // Not a single answer was seen since this controller started: then now is the only bound.
  if (lastAnswered === undefined) return Math.max(0, now.wall - recoveryPoint)
  const { at, sourceTime = now.wall - (now.tick - at) } = lastAnswered
  const unseen = Math.max(0, (allDownSince ?? at) - at)
  return Math.max(0, sourceTime + unseen - recoveryPoint)
}
