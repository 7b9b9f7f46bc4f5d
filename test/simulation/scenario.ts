import type { Plane } from '../../src/core/health.ts'
import type { Side } from '../../src/core/model.ts'
import type { FailoverPolicy, MaintenanceWindow } from '../../src/core/policy.ts'
import { type Random, randomOf } from './random.ts'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const DURATION = 120 * MINUTE

export const PLANES: readonly Plane[] = ['signin', 'control', 'history', 'data']
export const REGIONAL: readonly Plane[] = ['control', 'history', 'data']

export interface Span {
  readonly from: number
  readonly to: number
}

/** Planes of a side that do not answer; with a period, only in the first part of each. */
export interface Outage extends Span {
  readonly side: Side
  readonly planes: readonly Plane[]
  readonly period?: { readonly lasts: number; readonly down: number }
}

/** A zone of a side is lost: what would have been answered there is not, one request in so many, on whatever plane. */
export interface ZoneLoss extends Span {
  readonly side: Side
  /** Of all requests. */
  readonly share: number
}

/** What befalls a vantage point. `blind`: it reaches neither these sides nor the outside. `partial`: only these sides. */
export interface PointFault extends Span {
  readonly point: number
  readonly is: 'blind' | 'partial' | 'stopped' | 'hung' | 'jump'
  readonly sides: readonly Side[]
  /** By how much its clock jumps. */
  readonly by?: number
}

export interface ControllerFault extends Span {
  readonly controller: number
  readonly is: 'crash' | 'stop' | 'suspend' | 'cut' | 'wall'
}

/** One world: everything that will happen in it, and what the product owes. */
export interface Scenario {
  readonly seed: number
  readonly kind: Kind
  readonly failover: FailoverPolicy
  readonly maintenance: readonly MaintenanceWindow[]
  readonly outages: readonly Outage[]
  readonly zones: readonly ZoneLoss[]
  readonly points: readonly PointFault[]
  readonly controllers: readonly ControllerFault[]
  /** Times in which passes fail, though both sides answer. */
  readonly unsynced: readonly Span[]
  /** Kill whoever writes this record of the failover, by its number from 0. */
  readonly killAtRecord?: number
  /** Everybody is stopped at the first record of a failover, for so long. */
  readonly haltAtBegin?: number
  /** Who first decides to fail over is stopped at that moment for so long, and the other one when it goes on. */
  readonly haltAtDecision?: number
  readonly sourceClockOff: number
  /** When the active region is really lost, and that must be answered. */
  readonly lostAt?: number
  /** Failovers that must have ended as done. */
  readonly owed: number
}

export type Kind =
  | 'lost'
  | 'lost-twice'
  | 'lost-both-ways'
  | 'given-up'
  | 'quiet'
  | 'flap'
  | 'blip'
  | 'planes'
  | 'zone'
  | 'asymmetric'
  | 'blind'
  | 'signin'
  | 'never-in-step'
  | 'too-much-loss'
  | 'standby-down'
  | 'maintenance'
  | 'approval'

const QUIET_KINDS: readonly [Kind, ...Kind[]] = [
  'quiet',
  'flap',
  'flap',
  'flap',
  'blip',
  'planes',
  'zone',
  'asymmetric',
  'blind',
  'signin',
  'never-in-step',
  'too-much-loss',
  'standby-down',
  'maintenance',
  'approval',
  'given-up',
]

type Draft = { -readonly [Field in keyof Scenario]: Scenario[Field] }

/** The world of a seed. At least a third of all seeds really lose the active region. */
export function scenarioOf(seed: number): Scenario {
  const random = randomOf(seed)
  const kind = random.chance(0.35)
    ? 'lost'
    : random.chance(0.12)
      ? random.of<Kind>(['lost-twice', 'lost-twice', 'lost-both-ways'])
      : random.of(QUIET_KINDS)
  const draft = calm({ seed, kind, random })
  SHAPES[kind](draft, random)
  if (kind !== 'quiet') noise(draft, random)
  return draft
}

function calm({ seed, kind, random }: { seed: number; kind: Kind; random: Random }): Draft {
  const count = random.of([3, 3, 5])
  return {
    seed,
    kind,
    failover: {
      mode: 'automatic',
      after: random.whole(12, 36) * 5 * SECOND,
      vantagePoints: Array.from({ length: count }, (_, index) => ({
        name: `v${index}`,
        url: `http://v${index}`,
        host: `v${index}`,
      })),
      maxLoss: 10 * MINUTE,
      coolDown: 30 * MINUTE,
      approvalExpires: 60 * MINUTE,
      demo: false,
    },
    maintenance: [],
    outages: [],
    zones: [],
    points: [],
    controllers: [],
    unsynced: [],
    sourceClockOff: random.between(-5, 5) * MINUTE,
    owed: 0,
  }
}

const SHAPES: Readonly<Record<Kind, (draft: Draft, random: Random) => void>> = {
  quiet: () => undefined,
  lost: (draft, random) => {
    lose(draft, random)
    if (random.chance(0.35)) draft.killAtRecord = random.whole(0, 20)
    else if (random.chance(0.2)) draft.haltAtDecision = random.between(2, 6) * MINUTE
  },
  // The side that took over is lost as well, before the cool-down is over; it comes back by itself.
  'lost-twice': (draft, random) => {
    const at = random.between(10, 20) * MINUTE
    const back = at + draft.failover.after + random.between(4, 6) * MINUTE
    const again = back + random.between(8, 11) * MINUTE
    draft.lostAt = at
    draft.owed = 1
    draft.outages = [
      { side: 'primary', planes: REGIONAL, from: at, to: back },
      { side: 'secondary', planes: REGIONAL, from: again, to: again + draft.failover.after + 3 * MINUTE },
    ]
    if (random.chance(0.7)) {
      const from = random.between(back + 4 * MINUTE, again)
      draft.controllers = [{ controller: 0, is: random.of(['crash', 'stop']), from, to: again + 20 * MINUTE }]
    }
  },
  // The same without a cool-down to speak of: what protects is that no pass has gone the other way yet.
  'lost-both-ways': (draft, random) => {
    const at = random.between(10, 60) * MINUTE
    const back = at + draft.failover.after + random.between(4, 6) * MINUTE
    draft.failover = { ...draft.failover, coolDown: MINUTE }
    draft.lostAt = at
    draft.owed = 1
    draft.unsynced = [{ from: at, to: DURATION }]
    draft.outages = [
      { side: 'primary', planes: REGIONAL, from: at, to: back },
      { side: 'secondary', planes: REGIONAL, from: back + random.between(2, 5) * MINUTE, to: DURATION },
    ]
  },
  // It was decided, nobody could begin to act, and then the region is well again.
  'given-up': (draft, random) => {
    const from = random.between(10, 60) * MINUTE
    const to = from + draft.failover.after + random.between(60, 90) * SECOND
    draft.outages = [{ side: 'primary', planes: REGIONAL, from, to }]
    draft.haltAtBegin = to - from + random.between(1, 5) * MINUTE
  },
  flap: (draft, random) => {
    const { after } = draft.failover
    const lasts = after * random.between(0.1, 3)
    const down = Math.min(lasts * random.between(0.1, 0.6), after * 0.7)
    const from = random.between(5, 30) * MINUTE
    draft.outages = [{ side: 'primary', planes: REGIONAL, from, to: DURATION, period: { lasts, down } }]
  },
  blip: (draft, random) => {
    let at = random.between(5, 30) * MINUTE
    const outages: Outage[] = []
    while (at < DURATION - 10 * MINUTE) {
      outages.push({
        side: 'primary',
        planes: PLANES,
        from: at,
        to: at + draft.failover.after * random.between(0.1, 0.7),
      })
      at += random.between(5, 30) * MINUTE
    }
    draft.outages = outages
  },
  planes: (draft, random) => {
    const left = random.of(REGIONAL as [Plane, ...Plane[]])
    const planes = REGIONAL.filter((plane) => plane !== left && random.chance(0.7))
    draft.outages = [{ side: 'primary', planes, ...long(random) }]
  },
  // One of three, in which more or less of what is asked for lives.
  zone: (draft, random) => {
    draft.zones = [{ side: 'primary', share: random.between(0.2, 0.4), ...long(random) }]
  },
  asymmetric: (draft, random) => {
    draft.points = someOf(minority(draft), { is: 'partial', sides: ['primary'], ...long(random) })
  },
  blind: (draft, random) => {
    const sides: readonly Side[] = random.chance(0.6) ? ['primary'] : ['primary', 'secondary']
    draft.points = someOf(minority(draft) + 1, { is: 'blind', sides, ...long(random) })
  },
  signin: (draft, random) => {
    const span = long(random)
    draft.outages = [
      { side: 'primary', planes: PLANES, ...span },
      { side: 'secondary', planes: ['signin'], ...span },
    ]
  },
  'never-in-step': (draft, random) => {
    draft.unsynced = [{ from: 0, to: DURATION }]
    draft.outages = [{ side: 'primary', planes: REGIONAL, ...long(random) }]
  },
  'too-much-loss': (draft, random) => {
    const span = long(random)
    draft.unsynced = [{ from: span.from - random.between(13, 20) * MINUTE, to: DURATION }]
    draft.outages = [{ side: 'primary', planes: REGIONAL, from: Math.max(span.from, 25 * MINUTE), to: span.to }]
  },
  'standby-down': (draft, random) => {
    const span = long(random)
    draft.outages = [
      { side: 'primary', planes: REGIONAL, ...span },
      {
        side: 'secondary',
        planes: [random.of(REGIONAL as [Plane, ...Plane[]])],
        from: span.from - MINUTE,
        to: DURATION,
      },
    ]
  },
  // The world begins on a Tuesday at six; the window is open whenever the loss lasts.
  maintenance: (draft, random) => {
    draft.maintenance = [{ days: [2], from: 5 * 60 * MINUTE, lasts: 5 * 60 * MINUTE }]
    draft.outages = [{ side: 'primary', planes: REGIONAL, ...long(random) }]
  },
  approval: (draft, random) => {
    draft.failover = { ...draft.failover, mode: 'approval' }
    draft.outages = [{ side: 'primary', planes: REGIONAL, ...long(random) }]
  },
}

function lose(draft: Draft, random: Random): void {
  const from = random.between(10, 70) * MINUTE
  const returns = random.chance(0.5)
  const to = returns ? from + draft.failover.after + random.between(4, 30) * MINUTE : DURATION
  const planes = random.chance(0.5) ? REGIONAL : PLANES
  draft.lostAt = from
  draft.owed = 1
  draft.outages = [{ side: 'primary', planes, from, to }]
  // When it returns, it may come and go for a while.
  if (returns && random.chance(0.4)) {
    const lasts = random.between(20, 200) * SECOND
    draft.outages = [
      ...draft.outages,
      { side: 'primary', planes: REGIONAL, from: to, to: to + 15 * MINUTE, period: { lasts, down: lasts / 2 } },
    ]
  }
}

function long(random: Random): Span {
  const from = random.between(12, 60) * MINUTE
  return { from, to: random.chance(0.5) ? DURATION : from + random.between(8, 40) * MINUTE }
}

function minority({ failover }: Draft): number {
  return (failover.vantagePoints.length - 1) / 2
}

function someOf(count: number, fault: Omit<PointFault, 'point'>): readonly PointFault[] {
  return Array.from({ length: count }, (_, point) => ({ point, ...fault }))
}

/** What always may happen and must change nothing: a minority of points in trouble, controllers that come and go. */
function noise(draft: Draft, random: Random): void {
  if (draft.points.length === 0 && random.chance(0.5)) {
    const is = random.of(['blind', 'partial', 'stopped', 'hung', 'jump'] as const)
    const by = random.between(-10, 10) * MINUTE
    const sides: readonly Side[] = is === 'partial' ? ['primary'] : ['primary', 'secondary']
    // A point that is cut off from the side that must take over leaves a majority that sees it.
    draft.points = someOf(minority(draft), { is, sides, by, from: random.between(0, 60) * MINUTE, to: DURATION })
  }
  if (draft.controllers.length > 0 || draft.haltAtBegin !== undefined || draft.haltAtDecision !== undefined) return
  const faults: ControllerFault[] = []
  for (let at = random.between(3, 40) * MINUTE; at < DURATION; at += random.between(5, 40) * MINUTE) {
    const lasts = random.of([random.between(1, 20) * SECOND, random.between(20, 400) * SECOND])
    const is = random.of(['crash', 'stop', 'suspend', 'cut', 'wall'] as const)
    // The other one is left alone meanwhile, and gets a minute to be as it was.
    faults.push({ controller: random.whole(0, 1), is, from: at, to: at + lasts })
    at += lasts + MINUTE
  }
  draft.controllers = faults
}
