import type { Milliseconds } from '../../core/duration.ts'
import { Fault } from '../../core/errors.ts'
import { freshFor, voters } from '../../core/health.ts'
import type { Side } from '../../core/model.ts'
import { locationOfSide, type Policy } from '../../core/policy.ts'
import { regionNamed, shortLocation } from '../../core/regions.ts'
import type { Parts } from '../../engine/parts.ts'

/** How long and how often a controller does what it does. */
export interface Pace {
  readonly lease: Milliseconds
  readonly call: Milliseconds
  readonly tick: Milliseconds
}

/** The usual pace. Why it is this one: docs/decisions/0013-a-call-takes-a-third-of-a-lease.md. */
export const PACE: Pace = { lease: 30_000, call: 10_000, tick: 2000 }

/** The part of a lease that one call may take: what begins must end in what is left, though renewals are late. */
const CALLS_IN_A_LEASE = 3

/** At a pace at which nothing could ever begin, or nothing be lost, a controller would only seem to protect. */
export function demandPace({ lease, call, tick }: Pace, { failover }: Policy): void {
  if (lease < call * CALLS_IN_A_LEASE) {
    // No effect begins that the lease would not outlast: between two renewals nothing could.
    throw new Fault('usage/bad-argument', `--lease is ${lease} ms, and a call may take ${call} ms`, {
      facts: { lease, call },
      hint: `Give a --lease of at least ${call * CALLS_IN_A_LEASE}, three times --call, or a shorter --call.`,
    })
  }
  const counts = freshFor(failover)
  if (tick * 2 <= counts) return
  // Two looks that are further apart than that leave a gap, after which a loss is counted from its beginning.
  throw new Fault('usage/bad-argument', `--tick is ${tick} ms, and what was seen counts for ${counts} ms`, {
    facts: { tick, counts },
    hint: 'Give a --tick of at most half of that, or a longer failover.after.',
  })
}

/**
 * The side in whose region this process runs, if any.
 * @throws Fault `usage/bad-argument` for a region that is not known and in which no side is: it would protect from nothing
 */
export async function sideAround(
  region: string | undefined,
  { policy, parts }: { readonly policy: Policy; readonly parts: Pick<Parts, 'open'> },
  signal: AbortSignal,
): Promise<Side | undefined> {
  if (region === undefined) return undefined
  const here = shortLocation(region)
  const secondary = shortLocation(locationOfSide(policy.secondary))
  if (here === secondary) return 'secondary'
  const primary = shortLocation((await parts.open('primary', signal))?.location ?? locationOfSide(policy.primary))
  if (here === primary) return 'primary'
  if (regionNamed(region) !== undefined) return undefined
  throw new Fault('usage/bad-argument', `--region is ${region}: Holdfast knows no such region, and no side is there`, {
    facts: { region },
    hint: `Give the name of a region, such as ${primary || secondary}, or leave it out where this runs in neither side’s.`,
  })
}

/** Automatic mode asks for more than a process: eyes elsewhere, and a place that survives. */
export function demandMayServe({ name, failover }: Policy, inside: Side | undefined): void {
  const { mode, vantagePoints, demo } = failover
  if (mode !== 'automatic') return
  const votes = voters({ points: vantagePoints, demo }).size
  if (votes < 3) {
    throw new Fault(
      'failover/refused',
      `Automatic mode needs three vantage points on hosts of their own; ${name} has ${votes}`,
      {
        facts: { votes },
        hint: 'Add vantage points, or set `failover.mode: approval`.',
      },
    )
  }
  if (inside !== 'primary') return
  throw new Fault(
    'failover/refused',
    'This controller runs in the region of the primary, with which it would be lost',
    {
      hint: 'Run it in the secondary’s region or in a third one.',
    },
  )
}
