/** What the JSON of a thing may hold. Never changed in place. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [field: string]: Json }
export type JsonObject = { readonly [field: string]: Json }

/** A kind of thing, the name of its folder under `services/`: `model`, `datastore`, `run`, … */
export type Kind = string

/**
 * Where a thing stands within a protection, the same on both sides: `model/churn/3`, `schedule/nightly`,
 * `blob/{store}/LocalUpload/…`. The kind, a slash, then percent-encoded segments joined by slashes.
 */
export type Address = `${Kind}/${string}`

/** SHA-256 in hex of a canonical form. */
export type Digest = string

/** Milliseconds since 1970 by the clock of the side that is named beside it. */
export type Instant = number

/** A thing as one complete reading saw it, in portable form: nothing in it names a region. */
export interface Item {
  readonly address: Address
  /** Digest of {@link body} in canonical form: equal on both sides when the thing is the same. */
  readonly digest: Digest
  /** What must stand before this can. */
  readonly needs: readonly Address[]
  readonly body: JsonObject
  /** Position among the items of its container in the order of creation, where order means something (`@latest`). */
  readonly order?: number
}

/** One of the two configured sides. They never swap; roles do. */
export type Side = 'primary' | 'secondary'

/** What of a kind stands ready on the standby, from dear and quick to cheap and slow. */
export type Mode = 'hot/hot' | 'hot/warm' | 'hot/cold'

/** Who holds which role. `epoch` grows with every change of the lease. */
export interface Roles {
  readonly active: Side
  readonly epoch: number
}

export function otherSide(side: Side): Side {
  return side === 'primary' ? 'secondary' : 'primary'
}

export function address(kind: Kind, ...segments: readonly string[]): Address {
  return `${kind}/${segments.map(encodeURIComponent).join('/')}`
}

export function kindOf(of: Address): Kind {
  return of.slice(0, of.indexOf('/'))
}

/** The decoded segments after the kind. */
export function segmentsOf(of: Address): readonly string[] {
  return of
    .slice(of.indexOf('/') + 1)
    .split('/')
    .map(decodeURIComponent)
}
