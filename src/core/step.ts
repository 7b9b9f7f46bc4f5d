import type { FaultCode } from './errors.ts'
import type { Address, Digest, Item, JsonObject, Kind, Mode } from './model.ts'
import type { Snapshot } from './snapshot.ts'

/** What the planner knows of a kind: a part of its service. */
export interface KindRules {
  readonly kind: Kind
  readonly needs: readonly Kind[]
  readonly can: {
    readonly converge: boolean
    readonly update: boolean
    readonly remove: boolean
    readonly acts: boolean
    readonly ordered: boolean
  }
  frozen?(body: JsonObject): JsonObject
  archived?(body: JsonObject): JsonObject
  parked?(body: JsonObject, mode: Mode): JsonObject
  observed?(body: JsonObject): boolean
  renamed?(body: JsonObject, renames: ReadonlyMap<Address, Address>): JsonObject
}

/** What a person or a situation decides about a plan. */
export interface PlanRules {
  kind(kind: Kind): KindRules | undefined
  /** The role of the side that is changed, once the plan is done. What acts is parked on a standby. */
  readonly role: 'standby' | 'active'
  mode(address: Address): Mode
  /** What to do with one name and version that has other frozen content on each side. */
  readonly conflict: 'map' | 'refuse'
  /** Left alone on both sides. */
  excluded?(address: Address): boolean
  /** What stands outside all snapshots: curated by the vendor, in a registry. */
  elsewhere?(address: Address): boolean
  /** Why an item is left out until a person has looked at it. */
  quarantined?(address: Address): string | undefined
  /** Kinds of which a listing, on either side, did not come to its end: what is missing there means nothing. */
  readonly incomplete?: ReadonlySet<Kind>
  /** Where things of the kinds in {@link incomplete} stand on the changed side that an earlier plan mapped: this one cannot tell. */
  readonly mapped?: ReadonlyMap<Address, Address>
  /** What its kind left out of the source's listing though it is there: that it is missing means nothing either. */
  withheld?(address: Address): boolean
  /** Default `withdraw`: archive what only the found side has, or remove it where {@link removes} says so. */
  readonly extras?: 'withdraw' | 'keep'
  /** Kinds whose removal in the source is to be repeated. Azure never gives a removed name and version back. */
  readonly removes?: ReadonlySet<Kind>
  /** Kinds whose removal is repeated without being asked for, while all that the thing needs is still there: what belongs to a thing that is gone stays with it. */
  readonly follows?: ReadonlySet<Kind>
  /** Kinds of Holdfast's own making, which go without being asked about: the brake does not count them. */
  readonly unbraked?: ReadonlySet<Kind>
  /** Set once a person approved a plan that withdraws more than the brake lets pass. */
  readonly brakeLifted?: boolean
}

/**
 * One thing to do to one address.
 *
 * A step is data: no client, no callback, no clock. Only {@link item} is left out of the plan's digest, which has
 * the digest of it.
 */
export type Step =
  | (Making & { readonly do: 'create' })
  | (Making & { readonly do: 'update'; readonly from: Digest })
  | (Placed & { readonly do: 'archive'; readonly from: Digest; readonly to: Digest; readonly item: Item })
  | (Placed & { readonly do: 'remove'; readonly from: Digest })

export interface Placed {
  readonly address: Address
  /** Steps at these addresses must have succeeded. */
  readonly after: readonly Address[]
}

export interface Making extends Placed {
  /** What to converge to, in the form in which it shall stand there. */
  readonly item: Item
  readonly to: Digest
  /** Digest of the item as the source has it. Equal to `to` unless a rewrite was declared: parked, or renamed. */
  readonly source: Digest
  /** Where the source has it, if that is another address: it was mapped. */
  readonly origin?: Address
  /** The previous item of its container. That step must be over, whether it succeeded or not, before this one starts. */
  readonly follows?: Address
}

/** What is not done, or not as it stands in the source, and why. Every one is shown to a person. */
export type Note =
  | { readonly is: 'refused'; readonly address: Address; readonly code: FaultCode; readonly reason: string }
  | { readonly is: 'mapped'; readonly address: Address; readonly to: Address; readonly reason: string }
  | { readonly is: 'kept'; readonly address: Address; readonly because: Keeping; readonly reason: string }
  /** It comes to be after a newer one of its container: `@latest` will mean another than in the source. */
  | { readonly is: 'late'; readonly address: Address; readonly reason: string }

/** Why something is left as it is. */
export type Keeping =
  | 'extra'
  | 'incomplete'
  | 'excluded'
  | 'withheld'
  | 'cold'
  | 'observed'
  | 'brake'
  | 'needed'
  | 'undecided'

/** Says that more would be withdrawn than may be without a person's consent. Nothing is withdrawn then. */
export interface Brake {
  readonly withdrawals: number
  readonly allowed: number
  /** The kind that goes past its own limit, or `undefined` for all together. */
  readonly kind?: Kind
}

export interface Plan {
  /** In an order that breaks no reference. Steps that do not wait for each other may run at once: see `run.ts`. */
  readonly steps: readonly Step[]
  readonly notes: readonly Note[]
  /** Kind → kinds of this plan whose steps are over before one of its own starts. */
  readonly kindsFirst: Readonly<Record<Kind, readonly Kind[]>>
  readonly brake?: Brake
  /** Of everything above: what an approval names. */
  readonly digest: Digest
}

/** What shall be, what is, and by which rules to get there. */
export interface Planning {
  readonly wanted: Snapshot
  readonly found: Snapshot
  readonly rules: PlanRules
}
