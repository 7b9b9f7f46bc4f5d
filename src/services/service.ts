import type { Address, Item, Json, JsonObject, Kind, Mode } from '../core/model.ts'

/**
 * One side as the services see it: which workspace it is, and how to turn what names it into what does not.
 */
export interface Place {
  /** ARM id of the workspace as the policy writes it, without a trailing slash. */
  readonly workspace: string
  /** Location in Azure's short form, for instance `eastus2`. */
  readonly location: string
  /** GUID of the workspace. */
  readonly workspaceGuid: string
  /** ARM id of the workspace's default storage account. */
  readonly storageAccount: string
  /** Replaces everything that names this place by tokens that mean the same on the other side. */
  portable<T extends Json>(value: T): T
  /** The inverse: tokens become this place's own names. */
  local<T extends Json>(value: T): T
  /** An instant that this place's own clock has passed, as late as is known. Where it is not known, the clock here must do. */
  now?(): number
}

/** What a service may use of the world. */
export interface Reach {
  readonly signal: AbortSignal
  /**
   * What a place is read as: what is to be carried, or what it is carried to. Most kinds look the same in both;
   * a kind whose replica is kept in another form than its original tells them apart. Default: `source`.
   */
  readonly as?: 'source' | 'target'
  /** True: nothing that was noted of an earlier reading is believed, for whoever may have written meanwhile. */
  readonly afresh?: boolean
}

/** What stands after a converge. */
export type Converged = Item & {
  /**
   * Set where the source had moved on since the plan and the kind carried what it found then:
   * an instant, in the source's time, at or before which the source was seen in exactly this state.
   */
  readonly observedAt?: number
}

/** What a converge needs beyond the item itself. */
export interface Carriage extends Reach {
  /** Where the item was observed; bytes and secrets come from there. */
  readonly source: Place
  /** Is told in words what was carried in another form than it had, or could not be. */
  readonly remark?: (text: string, isLost: boolean) => void
}

/** How a kind differs from the others, as data. */
export interface Capabilities {
  /** False for what may be observed but never be made to be: a PUT on a job would run it. */
  readonly converge: boolean
  /** An existing item takes a new body. If false, the planner never changes one: it maps it to a new version or refuses. */
  readonly update: boolean
  readonly remove: boolean
  /** Acts by itself when it stands (fires, runs, serves): it is live on one side only. */
  readonly acts: boolean
  /** Items of one container must come to be in the order in which the source has them. */
  readonly ordered: boolean
}

/**
 * One kind of thing that lives in, under or beside a workspace, and all that is needed to carry it.
 *
 * A new kind is a folder beside this file with `index.ts` in the order below, `schema.ts`,
 * `index.test.ts`, `readme.md`, and one line in `registry.ts`. It is done when `conformance.ts` passes.
 * Nothing outside `services/` knows a kind by name.
 */
export interface Service {
  readonly kind: Kind
  /** Kinds whose items come first, whatever the references say. */
  readonly needs: readonly Kind[]
  readonly can: Capabilities

  /**
   * Every item, to the last page, in portable form, the archived ones too.
   * Throws `observe/incomplete` rather than ending early: a list is evidence only if it is whole.
   */
  list(place: Place, reach: Reach): AsyncIterable<Item>

  /**
   * For a kind of which some things are the work of another kind for now: what the last list of a place left out though
   * it is there. Asks nobody.
   */
  withheld?(place: Place): ReadonlySet<Address>

  /** The item as it is now, or `undefined` if there is none. */
  read(place: Place, address: Address, reach: Reach): Promise<Item | undefined>

  /** What a portable body points to. Pure. */
  references(body: JsonObject): readonly Address[]

  /**
   * Makes the item be `wanted`, whatever is there now, and returns what is there after.
   *
   * Called again with the same input after a crash it ends in the same place. It never asks whether to
   * create or to update; "already exists" is a race. Secrets and bytes come from `carriage.source`.
   */
  converge(place: Place, wanted: Item, carriage: Carriage): Promise<Converged>

  /** Makes the item not be there. One that is already gone is success. */
  remove(place: Place, address: Address, reach: Reach): Promise<void>

  /**
   * The part of a portable body that can never change once the item is there. Two bodies that differ in it are
   * two things under one name: the planner maps the second to a new version or refuses it. Pure. Default: nothing is frozen.
   */
  frozen?(body: JsonObject): JsonObject

  /** The same body hidden from default lists but not removed, where the kind knows archiving. Pure. */
  archived?(body: JsonObject): JsonObject

  /**
   * For kinds that act or cost: the body in which it stands by under a mode. Only what may be live on both sides at
   * once (an endpoint that serves, never a schedule) comes back unchanged for `hot/hot`. Pure. Applying it twice is
   * applying it once.
   */
  parked?(body: JsonObject, mode: Mode): JsonObject

  /**
   * For kinds of which some are never made: whether one with this body only is seen, as what is attached and stands
   * elsewhere. Whatever has its name on the other side counts as its replica; it is never converged. Pure.
   */
  observed?(body: JsonObject): boolean

  /** The same body with every reference to an address of the map changed to the other. Pure. Without it, what needs a mapped item is refused. */
  renamed?(body: JsonObject, renames: ReadonlyMap<Address, Address>): JsonObject

  /** Whether something with this body is still being written to: what is written after its last reading is lost with its side. Pure. Default: no. */
  open?(body: JsonObject): boolean

  /**
   * For what grows on both sides while they are apart: adds to what stands in `place` what `theirs`, read from
   * `carriage.source`, has more. Changes and removes nothing that stands there; makes it where nothing does. Safe to
   * call again. Returns what is there after.
   */
  mergeInto?(place: Place, theirs: Item, carriage: Carriage): Promise<Converged>

  /**
   * The same thing under a name of its own, for when both sides have their version and each must be kept. A converge
   * of it takes the bytes from where the item was observed. Equal items and marks give equal addresses. Pure.
   */
  aside?(item: Item, mark: string): Item

  /**
   * For kinds that take of what a region grants by measure: what a place lacks for `acting`, all that would act there
   * together, each in a sentence. None: there is room. Reads only. A right to it is no promise that it can be had.
   */
  lacking?(place: Place, acting: readonly Item[], reach: Reach): Promise<readonly string[]>

  /** For kinds that act: stops it where it is, without removing it. Safe to call again. Returns what it found acting. */
  fence?(place: Place, reach: Reach): Promise<readonly Address[]>
}
