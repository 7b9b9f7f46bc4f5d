import { Refusal } from '../refusal.ts'

/** The lease of a blob or container as it is stored. What state it is in follows from the clock. */
export interface Lease {
  readonly id: string
  /** 15 to 60, or -1 for one that does not end. */
  readonly seconds: number
  /** Milliseconds since 1970 when it ends by itself; `null` where it does not. */
  readonly until: number | null
  /** Milliseconds since 1970 when a break takes effect; `null` where none was asked for. */
  readonly breakAt: number | null
}

export type LeaseState = 'available' | 'leased' | 'expired' | 'breaking' | 'broken'

/** What a lease action does to a lease. */
export interface LeaseOutcome {
  readonly lease: Lease | null
  /** Seconds until a break takes effect, for `break` alone. */
  readonly remaining?: number
}

/** What a client asks for with `x-ms-lease-action` and its companions. */
export type LeaseAction =
  | { readonly is: 'acquire'; readonly seconds: number; readonly proposed: string }
  | { readonly is: 'renew' | 'release'; readonly id: string }
  | { readonly is: 'change'; readonly id: string; readonly proposed: string }
  | { readonly is: 'break'; readonly seconds: number | undefined }

export function leaseState(lease: Lease | null, now: number): LeaseState {
  if (lease === null) return 'available'
  if (lease.breakAt !== null) return now < lease.breakAt ? 'breaking' : 'broken'
  return lease.until === null || now < lease.until ? 'leased' : 'expired'
}

/**
 * The lease after an action, or the refusal that Azure gives.
 *
 * The outcomes are those of the tables in the vendor's pages "Lease Blob" and "Lease Container".
 */
export function applyLease(lease: Lease | null, action: LeaseAction, now: number): LeaseOutcome {
  switch (action.is) {
    case 'acquire':
      return { lease: acquired(lease, action, now) }
    case 'renew':
      return { lease: renewed(lease, action.id, now) }
    case 'change':
      return { lease: changed(lease, action, now) }
    case 'release':
      if (lease?.id !== action.id) throw mismatch()
      return { lease: null }
    case 'break':
      return broken(lease, action.seconds, now)
    default:
      return action satisfies never
  }
}

function acquired(lease: Lease | null, action: LeaseAction & { is: 'acquire' }, now: number): Lease {
  const state = leaseState(lease, now)
  if (state === 'breaking' && lease?.id === action.proposed) {
    throw new Refusal(
      409,
      'LeaseIsBreakingAndCannotBeAcquired',
      'The lease ID matched, but the lease is currently in breaking state and cannot be acquired until it is broken.',
    )
  }
  if (state === 'breaking' || (state === 'leased' && lease?.id !== action.proposed)) {
    throw new Refusal(409, 'LeaseAlreadyPresent', 'There is already a lease present.')
  }
  return started(action.proposed, action.seconds, now)
}

function renewed(lease: Lease | null, id: string, now: number): Lease {
  if (lease === null || lease.id !== id) throw mismatch()
  if (lease.breakAt !== null) {
    throw new Refusal(
      409,
      'LeaseIsBrokenAndCannotBeRenewed',
      'The lease ID matched, but the lease has been broken explicitly and cannot be renewed.',
    )
  }
  return started(id, lease.seconds, now)
}

function changed(lease: Lease | null, action: LeaseAction & { is: 'change' }, now: number): Lease {
  const state = leaseState(lease, now)
  if (lease === null || state === 'expired' || state === 'broken') throw notPresent()
  if (state === 'breaking') {
    throw new Refusal(
      409,
      'LeaseIsBreakingAndCannotBeChanged',
      'The lease ID matched, but the lease is currently in breaking state and cannot be changed.',
    )
  }
  if (lease.id !== action.id && lease.id !== action.proposed) throw mismatch()
  return { ...lease, id: action.proposed }
}

function broken(lease: Lease | null, seconds: number | undefined, now: number): LeaseOutcome {
  const state = leaseState(lease, now)
  if (lease === null) throw notPresent()
  if (state === 'broken' || state === 'expired')
    return { lease: { ...lease, breakAt: lease.breakAt ?? now }, remaining: 0 }
  const bound = state === 'breaking' ? lease.breakAt : lease.until
  const left = bound === null ? undefined : Math.max(bound - now, 0)
  const asked = seconds === undefined ? undefined : seconds * 1000
  const wait = Math.min(asked ?? left ?? 0, left ?? asked ?? 0)
  return { lease: { ...lease, breakAt: now + wait }, remaining: Math.ceil(wait / 1000) }
}

function started(id: string, seconds: number, now: number): Lease {
  return { id, seconds, until: seconds === -1 ? null : now + seconds * 1000, breakAt: null }
}

function mismatch(): Refusal {
  return new Refusal(
    409,
    'LeaseIdMismatchWithLeaseOperation',
    'The lease ID specified did not match the lease ID for the resource with the specified lease operation.',
  )
}

function notPresent(): Refusal {
  return new Refusal(
    409,
    'LeaseNotPresentWithLeaseOperation',
    'There is currently no lease on the resource with the specified lease operation.',
  )
}

/**
 * Refuses an access that a lease forbids.
 *
 * A write needs the id of an active lease; a read needs none, but one that is given must be right.
 */
export function checkLease(
  lease: Lease | null,
  given: string | undefined,
  about: { readonly now: number; readonly on: 'Blob' | 'Container'; readonly writes: boolean },
): void {
  const state = leaseState(lease, about.now)
  const active = state === 'leased' || state === 'breaking'
  const thing = about.on.toLowerCase()
  if (given === undefined) {
    if (active && about.writes) {
      throw new Refusal(
        412,
        'LeaseIdMissing',
        `There is currently a lease on the ${thing} and no lease ID was specified in the request.`,
      )
    }
    return
  }
  if (lease === null) {
    throw new Refusal(412, `LeaseNotPresentWith${about.on}Operation`, `There is currently no lease on the ${thing}.`)
  }
  if (lease.id.toLowerCase() !== given.toLowerCase()) {
    throw new Refusal(
      412,
      `LeaseIdMismatchWith${about.on}Operation`,
      `The lease ID specified did not match the lease ID for the ${thing}.`,
    )
  }
  if (!active)
    throw new Refusal(412, 'LeaseLost', `A lease ID was specified, but the lease for the ${thing} has expired.`)
}
