import type { Difference } from './diff.ts'
import { type Address, type Kind, kindOf } from './model.ts'
import { type Draft, mappedFrom } from './plan-drafts.ts'
import { item } from './snapshot.ts'
import type { Brake, Keeping, Note, Planning, Step } from './step.ts'
import { inWaves } from './waves.ts'

type Extra = Extract<Difference, { is: 'extra' }>
type Archive = Extract<Step, { do: 'archive' }>
type Remove = Extract<Step, { do: 'remove' }>
/** Why something that only the changed side has stays. */
type Staying = Exclude<Keeping, 'cold' | 'observed'>

interface Withdrawals {
  readonly steps: readonly Step[]
  readonly notes: readonly Note[]
  readonly brake?: Brake
}

/** What may be withdrawn without being asked about: this many, or this part of what stands there, whichever is more. */
const BRAKE_ITEMS = 10
const BRAKE_PART = 0.05

/**
 * Decides what happens to things that only the changed side has.
 *
 * They are archived where their kind knows it, and kept and listed where not. They are removed only where the policy
 * asked for it by kind or the kind goes with its source, and then after whatever needed them. Past the brake nothing is withdrawn at all.
 */
export function withdrawn(planning: Planning, extras: readonly Extra[], making: readonly Draft[]): Withdrawals {
  const notes: Note[] = []
  const archives: Archive[] = []
  const removals: Extra[] = []
  for (const extra of extras) {
    const fate = fateOf(planning, extra)
    if (fate === 'remove') removals.push(extra)
    else if (typeof fate === 'object') archives.push(fate)
    else if (fate !== 'archived') notes.push(kept(extra.address, fate))
  }
  const counted = (one: { readonly address: Address }) => planning.rules.unbraked?.has(kindOf(one.address)) !== true
  const braked = [...archives, ...removals].filter(counted)
  const brake = planning.rules.brakeLifted === true ? undefined : brakeOf(planning, braked)
  if (brake !== undefined) {
    notes.push(...braked.map(({ address }) => kept(address, 'brake')))
    const free = removed(
      planning,
      removals.filter((one) => !counted(one)),
      making,
    )
    const left = archives.filter((one) => !counted(one))
    return { steps: [...left, ...free.steps], notes: [...notes, ...free.notes], brake }
  }
  const removing = removed(planning, removals, making)
  return { steps: [...archives, ...removing.steps], notes: [...notes, ...removing.notes] }
}

function fateOf({ rules, wanted }: Planning, { address, found }: Extra): Archive | 'remove' | 'archived' | Staying {
  const kind = rules.kind(kindOf(address))
  const origin = mappedFrom(address)
  if (rules.excluded?.(address) === true) return 'excluded'
  if (rules.withheld?.(address) === true) return 'withheld'
  if (rules.incomplete?.has(kindOf(address)) === true) return 'incomplete'
  if (rules.quarantined?.(address) !== undefined) return 'undecided'
  if (kind === undefined || rules.extras === 'keep' || (origin !== undefined && wanted.has(origin))) return 'extra'
  if (rules.removes?.has(kind.kind) === true && kind.can.remove) return 'remove'
  if (rules.follows?.has(kind.kind) === true && kind.can.remove) {
    return found.needs.every((need) => wanted.has(mappedFrom(need) ?? need)) ? 'remove' : 'extra'
  }
  if (kind.archived === undefined || !kind.can.update) return 'extra'
  const after = item(address, kind.archived(found.body), found.needs, found.order)
  if (after.digest === found.digest) return 'archived'
  return { do: 'archive', address, from: found.digest, to: after.digest, item: after, after: [] }
}

const REASONS: Readonly<Record<Staying, string>> = {
  extra: 'Only this side has it, and nothing archives or removes it',
  incomplete: 'A listing of its kind did not come to its end, so nothing follows from its absence there',
  excluded: 'The policy excludes it from sync',
  withheld: 'It is being written on the other side, and is carried in another way until that is over',
  undecided: 'It is left alone until a person has looked at it',
  brake: 'More would be withdrawn than may be without a person’s consent',
  needed: 'Something that stays needs it',
}

function kept(address: Address, because: Staying): Note {
  return { is: 'kept', address, because, reason: REASONS[because] }
}

function brakeOf({ found }: Planning, leaving: readonly { readonly address: Address }[]): Brake | undefined {
  const counts = new Map<Kind, number>()
  for (const { address } of leaving) counts.set(kindOf(address), (counts.get(kindOf(address)) ?? 0) + 1)
  for (const [kind, withdrawals] of counts) {
    const allowed = allowance(found.root(kind)?.size ?? 0)
    if (withdrawals > allowed) return { withdrawals, allowed, kind }
  }
  const allowed = allowance(found.size)
  return leaving.length > allowed ? { withdrawals: leaving.length, allowed } : undefined
}

/** How many of so many things the brake lets go in one pass. */
export function allowance(standing: number): number {
  return Math.max(BRAKE_ITEMS, Math.floor(standing * BRAKE_PART))
}

/** Removes whatever nothing that stays needs, users first. */
function removed(planning: Planning, removals: readonly Extra[], making: readonly Draft[]): Withdrawals {
  if (removals.length === 0) return { steps: [], notes: [] }
  const leaving = new Map(removals.map((one) => [one.address, one]))
  const users = usersOf(planning, leaving, making)
  const notes = [...staying(leaving, users)].map((address) => kept(address, 'needed'))
  const steps = [...leaving.values()].map((one): Remove => {
    const after = (users.get(one.address) ?? []).map((user) => user.address).sort()
    return { do: 'remove', address: one.address, from: one.found.digest, after }
  })
  const { ordered, ring } = inWaves(steps, { key: (step) => step.address, after: (step) => step.after })
  for (const { address } of ring) {
    notes.push({
      is: 'refused',
      address,
      code: 'plan/cycle',
      reason: 'It is needed in a ring by what would go with it',
    })
  }
  return { steps: ordered, notes }
}

/** Who leans on something that leaves. `letsGo`: an update that is planned ends it. */
interface User {
  readonly address: Address
  readonly letsGo: boolean
}

type Leaving = Map<Address, Extra>

/** One pass over what stands and what will: users by what they need, of what leaves only. */
function usersOf(
  { found }: Planning,
  leaving: Leaving,
  making: readonly Draft[],
): ReadonlyMap<Address, readonly User[]> {
  const users = new Map<Address, User[]>()
  const add = (need: Address, user: User) => {
    if (!leaving.has(need) || need === user.address) return
    const list = users.get(need)
    if (list === undefined) users.set(need, [user])
    else list.push(user)
  }
  const changing = new Map(making.map((step) => [step.address, step]))
  for (const one of found.items()) {
    const step = changing.get(one.address)
    for (const need of new Set(one.needs)) {
      add(need, { address: one.address, letsGo: step !== undefined && !step.item.needs.includes(need) })
    }
  }
  for (const step of making) {
    const before = new Set(found.get(step.address)?.needs)
    for (const need of step.item.needs) if (!before.has(need)) add(need, { address: step.address, letsGo: false })
  }
  return users
}

/** Takes out of `leaving` what must stay, and what that needs in turn; returns it. */
function staying(leaving: Leaving, users: ReadonlyMap<Address, readonly User[]>): ReadonlySet<Address> {
  const stays = new Set<Address>()
  const open = [...leaving.keys()].filter((address) =>
    (users.get(address) ?? []).some((user) => !user.letsGo && !leaving.has(user.address)),
  )
  for (let address = open.pop(); address !== undefined; address = open.pop()) {
    const extra = leaving.get(address)
    if (extra === undefined) continue
    leaving.delete(address)
    stays.add(address)
    open.push(...extra.found.needs.filter((need) => leaving.has(need)))
  }
  return stays
}
