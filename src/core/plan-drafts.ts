import { digestOf, sameJson } from './canonical.ts'
import type { Difference } from './diff.ts'
import type { FaultCode } from './errors.ts'
import { type Address, type Item, kindOf } from './model.ts'
import { isCold, ledForm, standingForm } from './standing.ts'
import type { KindRules, Making, Note, Planning } from './step.ts'
import { inWaves } from './waves.ts'

export type Wanted = Exclude<Difference, { is: 'extra' }>

/** A create or an update before it has its place in the order. */
export type Draft = (Making & { readonly do: 'create' }) | (Making & { readonly do: 'update'; readonly from: string })

interface Drafts {
  readonly steps: readonly Draft[]
  readonly notes: readonly Note[]
}

/** Why nothing can lean on an address. `cold` is no fault: it comes to be at a failover. */
type Trouble = 'refused' | 'conflict' | 'cold'

const NOTHING: readonly Address[] = Object.freeze([])

/** Azure takes versions of at most 30 characters. */
const LONGEST_VERSION = 30

/**
 * Decides for each item that is absent or changed what to do with it, those first that others need.
 *
 * An item whose reference leads nowhere, or to something that was refused, is refused too; the rest proceeds.
 */
export function drafted(planning: Planning, differences: readonly Wanted[]): Drafts {
  const drafting = new Drafting(planning, differences)
  const open = differences.filter((one) => drafting.admits(one))
  const ranks = inWaves(open, { key: (one) => one.address, after: (one) => one.wanted.needs })
  for (const one of ranks.ring) drafting.refuse(one.address, 'plan/cycle', ringReason(ranks.ring.length))
  for (const one of ranks.ordered) drafting.decide(one)
  return { steps: drafting.steps, notes: drafting.notes }
}

function ringReason(items: number): string {
  return `One of ${items} items that need each other in a ring, or wait behind one`
}

class Drafting {
  readonly steps: Draft[] = []
  readonly notes: Note[] = []
  readonly #planning: Planning
  readonly #drafted = new Set<Address>()
  readonly #renames: Map<Address, Address>
  readonly #troubles = new Map<Address, Trouble>()
  readonly #differences: ReadonlyMap<Address, Wanted>

  constructor(planning: Planning, differences: readonly Wanted[]) {
    this.#planning = planning
    this.#renames = new Map(planning.rules.mapped)
    this.#differences = new Map(differences.map((one) => [one.address, one]))
  }

  /** Takes out what no rule about references or content needs to see. */
  admits({ address }: Wanted): boolean {
    const { rules } = this.#planning
    if (rules.excluded?.(address) === true) {
      this.notes.push({ is: 'kept', address, because: 'excluded', reason: 'The policy excludes it from sync' })
      this.#troubles.set(address, 'refused')
      return false
    }
    const quarantined = rules.quarantined?.(address)
    if (quarantined !== undefined) this.refuse(address, 'plan/quarantined', quarantined)
    else if (rules.kind(kindOf(address)) === undefined)
      this.refuse(address, 'plan/unknown-kind', `No service knows the kind ${kindOf(address)}`)
    else return true
    return false
  }

  refuse(address: Address, code: FaultCode, reason: string): void {
    this.notes.push({ is: 'refused', address, code, reason })
    this.#troubles.set(address, code === 'plan/conflict' ? 'conflict' : 'refused')
  }

  /** Called once for each difference, after it was called for what it needs. */
  decide(difference: Wanted): void {
    const { wanted } = difference
    const kind = this.#planning.rules.kind(kindOf(wanted.address))
    const cold = difference.is === 'absent' && isCold(wanted, this.#planning.rules)
    const others = wanted.needs.filter((need) => need !== wanted.address)
    const hindrances = others.flatMap((need) => this.#hindrance(need) ?? [])
    const hindrance = hindrances.find(({ trouble }) => trouble !== 'cold') ?? hindrances[0]
    if (kind?.observed?.(wanted.body) === true) this.#observe(difference)
    else if (kind === undefined || cold) this.#cold(wanted.address, 'Made at a failover')
    else if (hindrance?.trouble === 'cold' && kind.parked !== undefined)
      this.#cold(wanted.address, `Made at a failover, with ${hindrance.need}`)
    else if (hindrance !== undefined) this.refuse(wanted.address, 'plan/dangling-reference', hindrance.reason)
    else this.#carry(difference, kind)
  }

  #carry(difference: Wanted, kind: KindRules): void {
    const { wanted } = difference
    const followed = this.#followed(wanted, kind)
    if (followed === undefined) return
    const form = standingForm(followed, this.#planning.rules)
    if (difference.is === 'absent') this.#draft(form, wanted)
    else if (form.digest !== difference.found.digest) this.#change(form, wanted, { found: difference.found, kind })
  }

  /** Whatever has the name of something that is only observed is what it is there. */
  #observe({ is, address }: Wanted): void {
    if (is === 'changed') return
    const reason = 'It is never made, and nothing stands under its name on the other side: put one there by hand'
    this.notes.push({ is: 'kept', address, because: 'observed', reason })
    this.#troubles.set(address, 'refused')
  }

  #cold(address: Address, reason: string): void {
    this.notes.push({ is: 'kept', address, because: 'cold', reason })
    this.#troubles.set(address, 'cold')
  }

  /** Why an item that needs this cannot be made now. */
  #hindrance(
    need: Address,
  ): { readonly need: Address; readonly trouble: Trouble; readonly reason: string } | undefined {
    const { found, rules } = this.#planning
    if (this.#drafted.has(need) || this.#renames.has(need)) return undefined
    const trouble = this.#troubles.get(need)
    if (trouble === 'conflict' || (trouble === 'refused' && this.#standsOtherwise(need))) {
      return { need, trouble, reason: `It needs ${need}, which has other content on the other side` }
    }
    if (found.has(need) || rules.elsewhere?.(need) === true) return undefined
    // What is only observed (a job) is never made on the other side, so nothing can wait for it.
    if (rules.kind(kindOf(need))?.can.converge === false) return undefined
    // A failover raises what can stand by, and makes nothing else.
    if (trouble === 'cold') return { need, trouble, reason: `It needs ${need}, which is made at a failover` }
    const why = trouble === 'refused' ? 'which is not carried' : 'which is not there'
    return { need, trouble: 'refused', reason: `It needs ${need}, ${why}` }
  }

  /** Whether what stands under this name is another thing than the source's, so that nothing may lean on it. */
  #standsOtherwise(address: Address): boolean {
    const difference = this.#differences.get(address)
    const kind = this.#planning.rules.kind(kindOf(address))
    if (difference?.is !== 'changed' || kind === undefined) return false
    return !kind.can.update || !sameFrozen(kind, difference.wanted, difference.found)
  }

  /** The item with its references led to where the things are that were mapped. */
  #followed(wanted: Item, kind: KindRules): Item | undefined {
    const moved = wanted.needs.filter((need) => this.#renames.has(need))
    if (moved.length === 0) return wanted
    if (kind.renamed === undefined) {
      const names = moved.map((need) => `${need} as ${this.#renames.get(need)}`).join(', ')
      this.refuse(wanted.address, 'plan/dangling-reference', `It needs ${names}, and its references cannot be changed`)
      return undefined
    }
    return ledForm(wanted, kind, this.#renames)
  }

  #change(form: Item, wanted: Item, { found, kind }: { readonly found: Item; readonly kind: KindRules }): void {
    const to = mappedAddress(form, kind)
    if (kind.can.update && sameFrozen(kind, form, found)) this.#draft(form, wanted)
    else if (this.#planning.rules.conflict === 'map' && to !== undefined && this.#takes(to, form, kind)) {
      this.#renames.set(wanted.address, to)
      const reason = `The same name stands on the other side with other content, so it is carried as ${to}`
      this.notes.push({ is: 'mapped', address: wanted.address, to, reason })
      this.#draft({ ...form, address: to }, wanted)
    } else {
      const fields = fieldsThatDiffer(kind, form, found)
      const reason = `The same name stands on the other side with other content in ${fields}, which can never change`
      this.refuse(wanted.address, 'plan/conflict', reason)
    }
  }

  /** Whether an item can come to be, or already is, at the address it is mapped to. */
  #takes(to: Address, form: Item, kind: KindRules): boolean {
    const there = this.#planning.found.get(to)
    if (there === undefined || there.digest === form.digest) return true
    return kind.can.update && sameFrozen(kind, form, there)
  }

  #draft(form: Item, wanted: Item): void {
    const { address } = form
    const before = this.#planning.found.get(address)
    if (before?.digest === form.digest) return
    const making = { address, item: form, to: form.digest, source: wanted.digest, after: this.#afterOf(form) }
    const placed = address === wanted.address ? making : { ...making, origin: wanted.address }
    this.steps.push(
      before === undefined ? { do: 'create', ...placed } : { do: 'update', from: before.digest, ...placed },
    )
    this.#drafted.add(address)
  }

  #afterOf({ needs }: Item): readonly Address[] {
    return needs.some((need) => this.#drafted.has(need))
      ? [...new Set(needs)].filter((need) => this.#drafted.has(need))
      : NOTHING
  }
}

/** Whether what can never change is equal. A kind that takes no updates and says nothing more is frozen as a whole. */
function sameFrozen(kind: KindRules, one: Item, other: Item): boolean {
  if (kind.frozen === undefined) return true
  return sameJson(kind.frozen(one.body), kind.frozen(other.body))
}

/** By name, what differs of what can never change. */
function fieldsThatDiffer(kind: KindRules, one: Item, other: Item): string {
  const [left, right] = [one, other].map(({ body }) => kind.frozen?.(body) ?? body)
  const fields = new Set([...Object.keys(left ?? {}), ...Object.keys(right ?? {})])
  return [...fields]
    .filter((field) => !sameJson(left?.[field], right?.[field]))
    .sort()
    .join(', ')
}

/** The address whose item may have been mapped to this one. */
export function mappedFrom(address: Address): Address | undefined {
  const base = /^(.+\/.+\/.+)-[0-9a-f]{8}$/.exec(address)?.[1]
  return base as Address | undefined
}

/**
 * Where an item goes whose own name is taken. It follows from what is frozen in it, so every later plan finds the
 * same place, and a change of its tags does not move it. `undefined` for what has no version in its name.
 */
function mappedAddress(form: Item, kind: KindRules): Address | undefined {
  const [, , version] = form.address.split('/')
  if (version === undefined) return undefined
  const mark = digestOf(kind.frozen?.(form.body) ?? form.body).slice(0, 8)
  return decodeURIComponent(version).length + mark.length < LONGEST_VERSION ? `${form.address}-${mark}` : undefined
}
