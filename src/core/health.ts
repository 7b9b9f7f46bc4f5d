import { type Milliseconds, roughly } from './duration.ts'
import type { Instant, Side } from './model.ts'
import type { VantagePoint } from './policy.ts'

/** What of a side can fail apart: signing in, ARM, run history and tracking, storage, endpoints that answer. */
export type Plane = 'signin' | 'control' | 'history' | 'data' | 'scoring'

/** Milliseconds on the monotonic clock of the controller that judges. No two processes share one. */
export type Tick = number

/** What one vantage point saw of one plane of one side. */
export interface Probe {
  /** Name of the vantage point. */
  readonly point: string
  readonly side: Side
  readonly plane: Plane
  /** `not-run`: it could not be tried, so it says nothing about the side. */
  readonly result: 'ok' | 'failed' | 'not-run'
  readonly startedAt: Tick
  readonly duration: Milliseconds
  /** Whether the point had just reached a target outside both regions. Without that it speaks only of itself. */
  readonly selfCheck: boolean
  /** The side's own clock, where it told it. */
  readonly sourceTime?: Instant
}

export type Verdict = 'up' | 'down' | 'mixed' | 'unknown'

/** How the vantage points see one plane. The lists name who votes for what. */
export interface PlaneHealth {
  readonly plane: Plane
  readonly verdict: Verdict
  readonly ok: readonly string[]
  readonly failed: readonly string[]
  /** Without evidence: not run, stale, or without a check of itself. */
  readonly silent: readonly string[]
}

/**
 * `lost`: everything is down for so long that it counts. `degraded`: something is down, or it comes and goes.
 * `unknown`: too few vantage points can tell.
 */
export type Status = 'healthy' | 'degraded' | 'lost' | 'unknown'

export interface Health {
  readonly side: Side
  readonly status: Status
  readonly since: Tick
  readonly planes: readonly PlaneHealth[]
  /** Since when everything is down, if it is. */
  readonly allDownSince?: Tick
  /** Start of the last probe of a plane of the region itself that any point saw succeed. */
  readonly lastAnswered?: { readonly at: Tick; readonly sourceTime?: Instant }
  readonly flapping: boolean
  /** Says it to a person. */
  readonly reason: string
}

export interface WatchRules {
  readonly points: readonly VantagePoint[]
  /** Whether points on one host count apart. */
  readonly demo: boolean
  /** How long everything must be down to count as lost, and up again to count as healthy. */
  readonly after: Milliseconds
  /** Planes that are probed. A plane that is not is not waited for. */
  readonly planes: readonly Plane[]
  /** Age at which a probe is no evidence any more. Default: a third of {@link after}, at least ten seconds. */
  readonly freshFor?: Milliseconds
}

/** Everything that is remembered of probes. Made by {@link unwatched}, carried from one {@link watch} to the next. */
export interface Watch {
  /** When it was judged last. */
  readonly at: Tick
  readonly health: Readonly<Record<Side, Health>>
  /** The last probe of each point, side and plane. */
  readonly seen: ReadonlyMap<string, Probe>
  readonly memory: Readonly<Record<Side, Memory>>
}

interface Memory {
  /** When everything went down or ceased to be, as far back as {@link FLAPS_WITHIN}. */
  readonly turns: readonly Tick[]
  /** Since when nothing is wrong, or `undefined` while something is. */
  readonly goodSince: Tick | undefined
  /** It was lost, or comes and goes, and has not yet been well for long enough to be believed. */
  readonly doubted: boolean
}

/** So many changes within so long are no news each: the side is held down until it has been steady. */
const FLAPS = 4
const FLAPS_WITHIN: Milliseconds = 15 * 60_000
const FRESH_AT_LEAST: Milliseconds = 10_000

/** Planes that belong to the region. Signing in does not. */
const REGIONAL: readonly Plane[] = ['control', 'history', 'data', 'scoring']

/** Before the first probe. */
export function unwatched(now: Tick): Watch {
  const nothing = (side: Side): Health => {
    const reason = `The ${side} has not been probed yet`
    return { side, status: 'unknown', since: now, planes: [], flapping: false, reason }
  }
  const memory: Memory = { turns: [], goodSince: undefined, doubted: false }
  return {
    at: now,
    health: { primary: nothing('primary'), secondary: nothing('secondary') },
    seen: new Map(),
    memory: { primary: memory, secondary: memory },
  }
}

/**
 * Takes in what was probed since the last time and judges both sides as of now.
 *
 * A plane is down only where a strict majority of all configured points, each of which had just passed a check of
 * itself, saw it fail. A probe that could not run, or is old, is no evidence either way. Nor is there any of a time in
 * which nobody watched: what had lasted until then begins anew.
 */
export function watch(
  before: Watch,
  probes: readonly Probe[],
  at: { readonly now: Tick; readonly rules: WatchRules },
): Watch {
  const seen = new Map(before.seen)
  for (const probe of probes) {
    const key = keyOf(probe)
    const earlier = seen.get(key)
    if (earlier === undefined || earlier.startedAt <= probe.startedAt) seen.set(key, probe)
  }
  const primary = judged('primary', { before, seen, probes, ...at })
  const secondary = judged('secondary', { before, seen, probes, ...at })
  return {
    at: at.now,
    health: { primary: primary.health, secondary: secondary.health },
    seen,
    memory: { primary: primary.memory, secondary: secondary.memory },
  }
}

/** Who has a vote, and the points behind each: one vote a host, where points on one host do not count apart. */
export function voters(rules: Pick<WatchRules, 'points' | 'demo'>): ReadonlyMap<string, readonly string[]> {
  const byVoter = new Map<string, string[]>()
  for (const { name, host } of rules.points) {
    const voter = rules.demo ? name : host
    const list = byVoter.get(voter)
    if (list === undefined) byVoter.set(voter, [name])
    else list.push(name)
  }
  return byVoter
}

/** How long what was seen is evidence. Between two looks that are further apart, nothing is known. */
export function freshFor({ freshFor: given, after }: Pick<WatchRules, 'freshFor' | 'after'>): Milliseconds {
  return given ?? Math.max(FRESH_AT_LEAST, after / 3)
}

function keyOf({ point, side, plane }: Pick<Probe, 'point' | 'side' | 'plane'>): string {
  return `${point}\n${side}\n${plane}`
}

interface Judging {
  readonly before: Watch
  readonly seen: ReadonlyMap<string, Probe>
  readonly probes: readonly Probe[]
  readonly now: Tick
  readonly rules: WatchRules
}

function judged(side: Side, judging: Judging): { readonly health: Health; readonly memory: Memory } {
  const { before, now, rules } = judging
  const earlier = before.health[side]
  const unbroken = now - before.at <= freshFor(rules)
  const planes = rules.planes.map((plane) => planeHealth(side, plane, judging))
  const regional = planes.filter(({ plane }) => REGIONAL.includes(plane))
  const allDown = regional.length > 0 && regional.every(({ verdict }) => verdict === 'down')
  const allUp = regional.length > 0 && planes.every(({ verdict }) => verdict === 'up')
  const allDownSince = allDown ? ((unbroken ? earlier.allDownSince : undefined) ?? now) : undefined
  const lost = allDownSince !== undefined && now - allDownSince >= rules.after
  const { [side]: known } = before.memory
  const memory = remembered(unbroken ? known : { ...known, goodSince: undefined }, {
    turned: (earlier.allDownSince !== undefined) !== allDown,
    good: allUp,
    lost,
    now,
    after: rules.after,
  })
  const status = lost ? 'lost' : statusOf(planes, memory.doubted || allDown)
  const facts = {
    side,
    status,
    since: unbroken && status === earlier.status ? earlier.since : now,
    planes,
    flapping: memory.turns.length >= FLAPS,
    ...(allDownSince === undefined ? {} : { allDownSince }),
  }
  const lastAnswered = lastAnswer(side, judging)
  const answered = lastAnswered === undefined ? {} : { lastAnswered }
  return { health: { ...facts, ...answered, reason: reasonFor(facts, now) }, memory }
}

function remembered(
  before: Memory,
  seen: {
    readonly turned: boolean
    readonly good: boolean
    readonly lost: boolean
    readonly now: Tick
    readonly after: Milliseconds
  },
): Memory {
  const recent = before.turns.filter((tick) => seen.now - tick < FLAPS_WITHIN)
  const turns = seen.turned ? [...recent, seen.now] : recent
  const goodSince = seen.good ? (before.goodSince ?? seen.now) : undefined
  const steady = goodSince !== undefined && seen.now - goodSince >= seen.after
  const doubted = seen.lost || turns.length >= FLAPS || before.doubted
  return { turns, goodSince, doubted: doubted && !steady }
}

function statusOf(planes: readonly PlaneHealth[], doubted: boolean): Status {
  if (doubted || planes.some(({ verdict }) => verdict === 'down' || verdict === 'mixed')) return 'degraded'
  return planes.length > 0 && planes.every(({ verdict }) => verdict === 'up') ? 'healthy' : 'unknown'
}

function planeHealth(side: Side, plane: Plane, { seen, now, rules }: Judging): PlaneHealth {
  const votes: Record<'ok' | 'failed' | 'silent', string[]> = { ok: [], failed: [], silent: [] }
  for (const [voter, points] of voters(rules)) {
    const results = points.flatMap((point) => {
      const probe = seen.get(keyOf({ point, side, plane }))
      if (probe === undefined || probe.result === 'not-run') return []
      const fresh = now - (probe.startedAt + probe.duration) <= freshFor(rules)
      return fresh && probe.selfCheck ? [probe.result] : []
    })
    // A host of which one point gets through is not cut off, and neither is the side.
    if (results.includes('ok')) votes.ok.push(voter)
    else votes[results.length > 0 ? 'failed' : 'silent'].push(voter)
  }
  return { plane, verdict: verdictOf(votes), ...votes }
}

function verdictOf(votes: Readonly<Record<'ok' | 'failed' | 'silent', readonly string[]>>): Verdict {
  const majority = (votes.ok.length + votes.failed.length + votes.silent.length) / 2
  if (votes.failed.length > majority) return 'down'
  if (votes.ok.length > majority) return 'up'
  return votes.ok.length > 0 && votes.failed.length > 0 ? 'mixed' : 'unknown'
}

function lastAnswer(side: Side, { before, probes }: Judging): Health['lastAnswered'] {
  let last = before.health[side].lastAnswered
  for (const probe of probes) {
    if (probe.side !== side || probe.result !== 'ok' || !REGIONAL.includes(probe.plane)) continue
    if (last !== undefined && last.at >= probe.startedAt) continue
    const { startedAt: at, sourceTime } = probe
    last = sourceTime === undefined ? { at } : { at, sourceTime }
  }
  return last
}

function reasonFor(facts: Omit<Health, 'reason'>, now: Tick): string {
  const { side, status, planes, allDownSince, flapping } = facts
  const bad = planes.filter(({ verdict }) => verdict === 'down' || verdict === 'mixed').map(votesIn)
  if (status === 'healthy') return `The ${side} answers on every plane`
  if (status === 'unknown') {
    const silent = new Set(planes.flatMap((plane) => (plane.verdict === 'unknown' ? plane.silent : [])))
    return `Too few vantage points can tell how the ${side} is: no evidence from ${[...silent].join(', ') || 'any'}`
  }
  const flaps = flapping ? '; it comes and goes' : ''
  if (allDownSince !== undefined) {
    const since = now - allDownSince
    const silent = since < 1000 ? 'answers' : `has answered for ${roughly(since)}`
    return `Nothing of the ${side} ${silent}: ${bad.join('; ')}${flaps}`
  }
  if (bad.length === 0) return `The ${side} answers again, but has not been steady for long enough${flaps}`
  return `The ${side} answers in part: ${bad.join('; ')}${flaps}`
}

function votesIn({ plane, verdict, ok, failed, silent }: PlaneHealth): string {
  const all = ok.length + failed.length + silent.length
  return `${plane} is ${verdict === 'down' ? 'down' : 'in doubt'} for ${failed.length} of ${all} (${failed.join(', ')})`
}
