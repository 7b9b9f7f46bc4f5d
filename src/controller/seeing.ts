import { type Health, type Plane, type Probe, unwatched, watch } from '../core/health.ts'
import type { Side } from '../core/model.ts'
import type { FailoverPolicy, VantagePoint } from '../core/policy.ts'
import { HERE } from '../engine/deciding/look.ts'
import type { Monotonic } from '../engine/time.ts'
import type { askPoints, PointsOptions, Sightings } from './vantage-points.ts'

export interface SeeingOptions {
  readonly policy: FailoverPolicy
  /** Planes that are probed. */
  readonly planes: readonly Plane[]
  readonly points: Omit<PointsOptions, 'clock'>
  readonly askPoints: typeof askPoints
  /** Looks at both sides from this process. */
  lookHere(signal: AbortSignal): Promise<readonly Probe[]>
  readonly clock: Monotonic
}

/** How a controller sees both sides: by its vantage points, or by itself where the policy names none. */
export interface Seeing {
  health(): Readonly<Record<Side, Health>>
  /** Looks where it is time to. Gives who could not say anything, and why. */
  look(signal: AbortSignal): Promise<Sightings['silent']>
  /** Looks in any case: a person waits for what comes of it. */
  lookNow(signal: AbortSignal): Promise<void>
}

/** Time between two looks of its own, like that of a vantage point. */
const OWN_LOOKS_MILLISECONDS = 5000

export function seeing({ policy, planes, points, askPoints, lookHere, clock }: SeeingOptions): Seeing {
  const { vantagePoints, demo, after } = policy
  const own = vantagePoints.length === 0
  const here: VantagePoint = { name: HERE, host: HERE, url: '' }
  const rules = { points: own ? [here] : vantagePoints, demo, after, planes }
  let seen = unwatched(clock())
  let dueAt = Number.NEGATIVE_INFINITY
  let silent: Sightings['silent'] = {}

  async function byItself(signal: AbortSignal): Promise<Sightings> {
    try {
      return { probes: await lookHere(signal), silent: {} }
    } catch (thrown) {
      return { probes: [], silent: { [HERE]: thrown instanceof Error ? thrown.message : String(thrown) } }
    }
  }

  async function look(signal: AbortSignal): Promise<Sightings['silent']> {
    const isDue = !own || clock() >= dueAt
    if (isDue) dueAt = clock() + OWN_LOOKS_MILLISECONDS
    const sightings = isDue ? await (own ? byItself(signal) : askPoints({ ...points, clock }, signal)) : undefined
    silent = sightings?.silent ?? silent
    seen = watch(seen, sightings?.probes ?? [], { now: clock(), rules })
    return silent
  }

  return {
    health: () => seen.health,
    look,
    lookNow: async (signal) => {
      dueAt = Number.NEGATIVE_INFINITY
      await look(signal)
    },
  }
}
