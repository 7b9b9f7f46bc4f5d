import { isFault } from '../core/errors.ts'
import { type Decision, decide, gistOf, type Situation } from '../core/failover.ts'
import type { Health } from '../core/health.ts'
import type { JsonObject, Roles, Side } from '../core/model.ts'
import type { Proposal } from '../core/persons/approval.ts'
import type { FailoverWish } from '../core/persons/failover.ts'
import type { Phase } from '../core/phases.ts'
import type { Policy } from '../core/policy.ts'
import { type Beginning, beginFailover, beginningOf } from '../engine/deciding/beginning.ts'
import { weigh } from '../engine/deciding/by-hand.ts'
import { takeoverPlan } from '../engine/deciding/proposing.ts'
import { situationOf } from '../engine/deciding/situation.ts'
import { carryOut } from '../engine/failover.ts'
import type { NoticeTarget } from '../engine/notify.ts'
import type { Parts } from '../engine/parts.ts'
import { type Failing, PHASE_ACTS } from '../engine/phase-acts.ts'
import type { Active } from '../engine/pointer.ts'
import { type Comeback, comeback } from '../engine/return/comeback.ts'
import { type Away, recordReturn, rolesOf, sideAway } from '../engine/roles.ts'
import { checkSwitchover } from '../engine/switchover/begin.ts'
import { type Carrying, pass } from '../engine/sync.ts'
import type { Tenure } from '../engine/tenure.ts'
import { processTime, type Time } from '../engine/time.ts'
import { underWay } from '../engine/under-way.ts'
import type { Taken, Word } from '../engine/words.ts'
import { type Asking, asking, NOT_ASKED } from './asking.ts'
import { type Beside, beside } from './beside.ts'
import { type Candidate, candidate } from './candidate.ts'
import { following, type PassEnd } from './following.ts'
import { heard } from './persons.ts'
import { type Retries, retries } from './retries.ts'
import { type Seeing, type SeeingOptions, seeing } from './seeing.ts'
import { askPoints, type Sightings } from './vantage-points.ts'

/** What happens in a controller, for logs, screens and tests. */
export type Event =
  | { readonly is: 'lease'; readonly epoch: number }
  | { readonly is: 'held'; readonly holder: string }
  | {
      readonly is: 'health'
      readonly health: Readonly<Record<Side, Health>>
      readonly silent: Sightings['silent']
      /** Targets that have not taken what there is to tell them. */
      readonly untold: number
      /** Why it does what it does, as of now. */
      readonly sentence: string
    }
  | { readonly is: 'decision'; readonly decision: Decision }
  | { readonly is: 'pass'; readonly end: PassEnd }
  /** The loop does something that may take long, and is not heard of before it has ended. */
  | { readonly is: 'engaged'; readonly with: string }
  | { readonly is: 'phase'; readonly id: string; readonly phase: Phase; readonly result?: JsonObject }
  | { readonly is: 'failover'; readonly id: string; readonly outcome: string }
  | { readonly is: 'return'; readonly comeback: Comeback }
  | { readonly is: 'proposal'; readonly proposal: Proposal }
  | { readonly is: 'word'; readonly word: Word; readonly refused?: string }
  | { readonly is: 'trouble'; readonly what: string; readonly why: string }

/** What a look of the loop itself is called where it failed: all other trouble is beside the loop. */
export const A_LOOK = 'a tick'

export interface ControllerOptions extends Pick<SeeingOptions, 'planes' | 'points' | 'lookHere'> {
  readonly parts: Parts
  readonly policy: Policy
  readonly carrying: Carrying
  readonly holder: string
  readonly leaseMilliseconds: number
  readonly callMilliseconds: number
  /** Time between two looks at the vantage points. */
  readonly tickMilliseconds: number
  /** Everything that a failover needs beyond what stands here. */
  failing(of: {
    readonly tenure: Tenure
    readonly id: string
    readonly from: Side
    readonly to: Side
    /** True if nothing of the lost side answered when it was decided: it is then asked only briefly. */
    readonly silent: boolean
    readonly signal: AbortSignal
  }): Failing
  /** A fresh id for a failover. */
  freshId(): string
  /** Whether this process runs inside the region of a side. */
  inside(side: Side): boolean
  told(event: Event): void
  /** Who is told what happens. */
  readonly notices: readonly NoticeTarget[]
  /** Name and location of a side, for pointers that could not be moved at once. */
  placeOf(side: Side): Pick<Active, 'name' | 'location'>
  /** Default: that of this process. */
  readonly time?: Time
  /** Default: {@link ENGINE}. */
  readonly acts?: Acts
}

/** Everything by which a controller touches the world, store apart. */
export interface Acts {
  readonly askPoints: typeof askPoints
  readonly pass: typeof pass
  readonly phases: typeof PHASE_ACTS
  readonly comeback: typeof comeback
  readonly checkSwitchover: typeof checkSwitchover
  readonly takeoverPlan: typeof takeoverPlan
}

export const ENGINE: Acts = { askPoints, pass, phases: PHASE_ACTS, comeback, checkSwitchover, takeoverPlan }

/** What a controller remembers from tick to tick. */
interface Memory {
  tenure: Tenure | undefined
  lastFailover: number | undefined
  decided: string
  /** Of what is under way. */
  readonly retries: Retries
}

/**
 * The loop: lease → observe → core decides → engine acts → one sentence. Ends when the signal says so.
 *
 * A tick that fails is told and followed by the next: whatever surprises it, the loop goes on.
 */
export async function runController(given: ControllerOptions, signal: AbortSignal): Promise<void> {
  const options: Complete = { time: processTime, acts: ENGINE, ...given }
  const { parts, policy, told, tickMilliseconds, time, acts } = options
  const follower = following({
    parts,
    carrying: options.carrying,
    everyMilliseconds: policy.sync.every,
    callMilliseconds: options.callMilliseconds,
    ended: (end) => told({ is: 'pass', end }),
    pass: acts.pass,
    clock: time.clock,
  })
  const aside = beside({
    parts,
    notices: options.notices,
    pointers: policy.pointer,
    placeOf: options.placeOf,
    callMilliseconds: options.callMilliseconds,
    clock: time.clock,
    trouble: (what, why) => told({ is: 'trouble', what, why }),
  })
  const memory: Memory = { tenure: undefined, lastFailover: undefined, decided: '', retries: retries(time.clock) }
  const { planes, points, lookHere } = options
  const eyes = seeing({ policy: policy.failover, planes, points, lookHere, ...acts, clock: time.clock })
  const { store, ledger, protection } = parts
  const { holder, leaseMilliseconds } = options
  const take = candidate({ store, ledger, protection, holder, leaseMilliseconds, tickMilliseconds, time })
  try {
    while (!signal.aborted) {
      const began = time.clock()
      try {
        await tick({ options, memory, take, eyes, follower, aside, signal })
      } catch (thrown) {
        if (signal.aborted) break
        await troubled(memory, told, thrown)
      }
      await time.sleep(Math.max(0, tickMilliseconds - (time.clock() - began)), signal)
    }
  } finally {
    await Promise.all([follower.halt('the controller ends'), aside.halt()])
    await memory.tenure?.end()
  }
}

type Complete = ControllerOptions & Required<Pick<ControllerOptions, 'time' | 'acts'>>

interface Ticking {
  readonly options: Complete
  readonly memory: Memory
  readonly take: Candidate
  readonly eyes: Seeing
  readonly follower: ReturnType<typeof following>
  readonly aside: Beside
  readonly signal: AbortSignal
}

async function tick(ticking: Ticking): Promise<void> {
  const { options, memory, eyes, follower, signal } = ticking
  const silent = await eyes.look(signal)
  const tenure = await leased(ticking)
  if (tenure === undefined) return
  if (await listen(ticking, tenure)) return anew(ticking, tenure)
  ticking.aside.turn(tenure)
  const roles = await rolesOf(options.parts)
  const away = await sideAway(options.parts, roles)
  const asked = await approvalFor(ticking, roles)
  const situation = { ...(await situationNow(ticking)), ...asked.consenting }
  const decision = decide(situation)
  // How long something lasts is no news; that it lasts was told.
  const news = `${decision.do} ${gistOf(decision.reason)}`
  if (news !== memory.decided) options.told({ is: 'decision', decision })
  memory.decided = news
  const { reason: sentence } = decision
  options.told({ is: 'health', health: eyes.health(), silent, untold: ticking.aside.pending(), sentence })
  if (decision.do === 'fail-over') {
    const naming = { id: options.freshId(), ...asked.approval }
    return startFailover(ticking, tenure, beginningOf(decision, situation, naming))
  }
  if (decision.do === 'ask') await asked.propose(tenure, decision)
  await ticking.aside.decided(tenure, decision)
  if (decision.do === 'continue') return goOn(ticking, tenure)
  if (decision.do === 'abandon') return abandon(ticking, tenure, decision.id)
  if (away !== undefined) {
    if (showsLife(eyes.health()[away.side])) await takeBack(ticking, tenure, away)
    return
  }
  const mayFollow = decision.do === 'stay' || (decision.do === 'ask' && decision.drain)
  if (mayFollow && !signal.aborted) follower.turn(tenure, roles.active)
}

/** Takes up what persons said. True where that began something. */
function listen(ticking: Ticking, tenure: Tenure): Promise<boolean> {
  const { options, eyes, follower, signal } = ticking
  const { parts, carrying, freshId, acts } = options
  return heard(
    {
      parts,
      carrying,
      look: async () => {
        await eyes.lookNow(signal)
        return eyes.health()
      },
      check: acts.checkSwitchover,
      signal: AbortSignal.any([signal, tenure.signal]),
      freshId,
      told: (word, taken) =>
        options.told({ is: 'word', word, ...('refused' in taken ? { refused: taken.refused } : {}) }),
      quiet: (why) => {
        options.told({ is: 'engaged', with: why })
        return follower.halt(why)
      },
      failing: (wish) => failingBy(ticking, wish),
    },
    tenure,
  )
}

/** Begins a failover because a person says so here and now, where the rules let it with that person's yes. */
async function failingBy(ticking: Ticking, wish: FailoverWish): Promise<Taken> {
  const situation = await situationNow(ticking)
  const naming = { id: ticking.options.freshId(), asked: situation.now.tick }
  return weigh(wish, situation, naming).taken
}

/** What a person has approved of, where the policy asks one and the active side is lost. */
async function approvalFor({ options, eyes }: Ticking, roles: Roles): Promise<Asking> {
  const { policy, parts, acts, told } = options
  const asks = policy.failover.mode === 'approval' && eyes.health()[roles.active].status === 'lost'
  return asks ? asking({ parts, policy, plan: acts.takeoverPlan, told }, roles) : NOT_ASKED
}

async function leased({ options, memory, take }: Ticking): Promise<Tenure | undefined> {
  if (memory.tenure !== undefined && !memory.tenure.signal.aborted) return memory.tenure
  const { told } = options
  const answer = await take()
  memory.tenure = 'held' in answer ? undefined : answer
  // What it decides once it holds the lease again is news, whatever it had decided before.
  if ('held' in answer) memory.decided = ''
  // Another controller may have carried out a later one than this process remembers.
  if (memory.tenure !== undefined) {
    const journaled = await lastFailoverOf(options)
    if (journaled !== undefined) memory.lastFailover = Math.max(journaled, memory.lastFailover ?? journaled)
  }
  told('held' in answer ? { is: 'held', holder: answer.held.holder } : { is: 'lease', epoch: answer.lease.epoch })
  return memory.tenure
}

function situationNow({ options, memory, eyes }: Ticking): Promise<Situation> {
  const { parts, policy, time } = options
  const { lastFailover } = memory
  const known = lastFailover === undefined ? {} : { lastFailover }
  return situationOf(parts, policy, { health: eyes.health(), inside: options.inside, tick: time.clock(), ...known })
}

/**
 * Writes the beginning down, then takes the lease anew: the failover is carried out in an epoch of its own. It begins
 * under the lease under which it was decided, or not at all: in another, somebody else may have carried one out.
 */
async function startFailover(ticking: Ticking, tenure: Tenure, beginning: Beginning): Promise<void> {
  await ticking.follower.halt('a failover begins')
  await beginFailover(tenure, beginning)
  const { instead } = beginning
  if (instead !== undefined) ticking.options.told({ is: 'failover', id: instead, outcome: 'abandoned' })
  await anew(ticking, tenure)
}

/** Gives the lease back and takes it again: what begins is carried out in an epoch of its own. */
async function anew(ticking: Ticking, tenure: Tenure): Promise<void> {
  await tenure.end()
  ticking.memory.tenure = undefined
  // Whether to go on is decided anew: this process may have stood still meanwhile, and the side be well again.
  await tick(ticking)
}

/** Carries the failover that the journal has to its end, whoever began it. */
async function goOn({ options, memory, follower, aside, signal }: Ticking, tenure: Tenure): Promise<void> {
  const running = await underWay(options.parts)
  if (running === undefined || !memory.retries.isDue(running.id)) return
  const { id, begun } = running
  const [from, to] = [begun['from'] as Side, begun['to'] as Side]
  await follower.halt('a failover is under way')
  const failing = options.failing({
    tenure,
    id,
    from,
    to,
    silent: begun['silent'] === true,
    signal: AbortSignal.any([signal, tenure.signal]),
  })
  const { clock } = options.time
  const told = (phase: Phase, result?: JsonObject) => {
    aside.turn(tenure)
    if (result !== undefined) memory.retries.gotOn()
    options.told({ is: 'phase', id, phase, ...(result === undefined ? {} : { result }) })
  }
  const ended = await carryOut(failing, told, { acts: options.acts.phases, clock }).catch((thrown) => {
    memory.retries.failed(id)
    throw thrown
  })
  // One that turned back has moved nothing.
  if (ended.outcome === 'done') memory.lastFailover = clock()
  follower.forget()
  options.told({ is: 'failover', id, outcome: ended.outcome })
}

/** Ends a failover of which nothing has been done yet: its side answers again. */
async function abandon({ options }: Ticking, tenure: Tenure, id: string): Promise<void> {
  await tenure.append(id, { type: 'failover/ended', body: { id, outcome: 'abandoned' } })
  options.told({ is: 'failover', id, outcome: 'abandoned' })
}

/** When the last failover ended, on the controller's clock: the journal knows it after a restart too. */
async function lastFailoverOf({ parts, time }: Complete): Promise<number | undefined> {
  let at: string | undefined
  for await (const record of parts.store.read(parts.protection, { typed: 'failover/ended' }))
    if (record.body['outcome'] === 'done') at = record.at
  return at === undefined ? undefined : time.clock() - Math.max(0, parts.now() - Date.parse(at))
}

/** The first sign of life is enough to try the fence: what comes back must be stopped before it does harm. */
function showsLife(health: Health): boolean {
  // A tracking server has no control plane: what is written to it is read from its history.
  const first = health.planes.some(({ plane }) => plane === 'control') ? 'control' : 'history'
  return health.planes.some(({ plane, ok }) => plane === first && ok.length > 0)
}

async function takeBack({ options, memory, follower, signal }: Ticking, tenure: Tenure, away: Away): Promise<void> {
  const { parts, carrying, callMilliseconds, told, acts } = options
  const { active } = await rolesOf(parts)
  const returning = `the return after ${away.failover}`
  if (!memory.retries.isDue(returning)) return
  told({ is: 'engaged', with: `taking back the ${away.side}` })
  try {
    const done = await acts.comeback({
      parts,
      tenure,
      active,
      failover: away.failover,
      carrying,
      callMilliseconds,
      signal: AbortSignal.any([signal, tenure.signal]),
    })
    await recordReturn(parts, tenure, { ...away, ...done })
    memory.retries.gotOn()
    follower.forget()
    follower.hurry()
    told({ is: 'return', comeback: done })
  } catch (thrown) {
    // What acts there is not left alone; all else is read as a whole each time, at the cost of whoever works there.
    if (!isFault(thrown) || thrown.facts['unfenced'] !== true) memory.retries.failed(returning)
    if (!isFault(thrown, 'observe/incomplete', 'azure/unreachable', 'azure/throttled')) throw thrown
    told({ is: 'trouble', what: `taking back the ${away.side}`, why: thrown.message })
  }
}

async function troubled(memory: Memory, told: ControllerOptions['told'], thrown: unknown): Promise<void> {
  if (isFault(thrown, 'run/fenced')) {
    await memory.tenure?.end().catch(() => undefined)
    memory.tenure = undefined
  }
  told({ is: 'trouble', what: A_LOOK, why: thrown instanceof Error ? thrown.message : String(thrown) })
}
