import { Fault } from '../core/errors.ts'
import { type Address, type Item, type JsonObject, kindOf, otherSide, type Side } from '../core/model.ts'
import { plan as planOf } from '../core/plan.ts'
import { item as itemOf, type Snapshot } from '../core/snapshot.ts'
import type { PlanRules } from '../core/step.ts'
import type { Place, Service } from '../services/service.ts'
import type { Entry } from '../store/ledger.ts'
import { execute } from './execute.ts'
import { type Fenced, fence } from './fence.ts'
import { type Observation, observe } from './observe.ts'
import { type Parts, serviceOf } from './parts.ts'
import type { Carrying } from './sync.ts'
import type { Tenure } from './tenure.ts'

/** What becomes of something that only the returned side has, or has in another state. */
export type Finding =
  /** Only the returned side had it, or only that side had changed it: it is in the active side now. */
  | { readonly is: 'carried'; readonly address: Address }
  /** Both sides had more of it: what the returned side had was added, nothing was changed. */
  | { readonly is: 'merged'; readonly address: Address }
  /** Both sides have their own: the returned side's is in the active side under another name. */
  | { readonly is: 'aside'; readonly address: Address; readonly as: Address }
  /** Both sides have their own and one cannot take the other in: each keeps its own until a person decides. */
  | { readonly is: 'conflict'; readonly address: Address; readonly why: string }
  /** It cannot be made in the active side: a job, whose making would run it. */
  | { readonly is: 'listed'; readonly address: Address; readonly why: string }

export interface Comeback {
  readonly fenced: Fenced
  readonly findings: readonly Finding[]
}

export interface ComebackOptions {
  readonly parts: Parts
  readonly tenure: Tenure
  readonly active: Side
  /** The failover since which the other side was away. */
  readonly failover: string
  readonly carrying: Carrying
  readonly signal: AbortSignal
  readonly callMilliseconds: number
}

/**
 * Takes a side back that was away: fences it before anything else, and carries what only it has into the active
 * side. Nothing that stands on either side is removed or overwritten. Safe to call again after a crash.
 *
 * @throws Fault `observe/incomplete` while either side cannot be read to its end; nothing but the fence was done then
 */
export async function comeback(options: ComebackOptions): Promise<Comeback> {
  const { parts, active, signal, callMilliseconds } = options
  const returned = otherSide(active)
  const fenced = await fence(parts, returned, { signal, milliseconds: callMilliseconds * 4 })
  if (!fenced.complete) {
    throw new Fault(
      'observe/incomplete',
      `The ${returned} is back and cannot be fenced yet: ${Object.values(fenced.unreached).join('; ')}`,
      {
        hint: 'Nothing to do: it is tried again, and nothing else is done with that side before.',
      },
    )
  }
  const [from, to] = [await placeOf(parts, returned, signal), await placeOf(parts, active, signal)]
  const [theirs, ours] = await Promise.all([read(options, from), read(options, to)])
  const sorted = sortOut(options, theirs.snapshot, ours.snapshot)
  const findings: Finding[] = [...sorted.settled]
  findings.push(...(await carryOver(options, { from, to, ours: ours.snapshot, items: sorted.carry })))
  for (const one of sorted.merge) {
    options.tenure.demand(callMilliseconds)
    await one.service.mergeInto?.(to, one.item, { source: from, signal, as: 'target' })
    findings.push({ is: 'merged', address: one.item.address })
  }
  await options.tenure.append(options.failover, {
    type: 'return/done',
    body: { side: returned, findings: findings.map(plain) },
  })
  return { fenced, findings }
}

interface Sorted {
  readonly carry: readonly Item[]
  readonly merge: readonly { readonly service: Service; readonly item: Item }[]
  readonly settled: readonly Finding[]
}

/** Three states of each thing decide: as it was when both sides agreed last, as it is there, as it is here. */
function sortOut({ parts, active, failover }: ComebackOptions, theirs: Snapshot, ours: Snapshot): Sorted {
  const carry: Item[] = []
  const merge: { service: Service; item: Item }[] = []
  const settled: Finding[] = []
  for (const item of theirs.items()) {
    const service = serviceOf(parts.services, kindOf(item.address))
    if (service === undefined) continue
    const known = baseOf(parts, item.address, otherSide(active))
    const here = ours.get(item.address)
    if (unchanged(service, item, known) || (here !== undefined && sameStanding(service, item, here.body))) continue
    if (!service.can.converge) {
      const why = known === undefined ? 'it came to be after the last reading' : 'it went on after the last reading'
      settled.push({ is: 'listed', address: item.address, why })
    } else if (here === undefined || untouchedHere(service, here, known)) carry.push(item)
    else if (service.mergeInto !== undefined) merge.push({ service, item })
    else if (service.aside !== undefined) {
      const other = service.aside(item, failover)
      if (!ours.has(other.address)) carry.push(other)
      settled.push({ is: 'aside', address: item.address, as: other.address })
    } else settled.push({ is: 'conflict', address: item.address, why: 'both sides changed it' })
  }
  return { carry, merge, settled }
}

/** The last state in which both sides agreed, or `undefined`. */
function baseOf(parts: Parts, address: Address, source: Side): Entry | undefined {
  const entry = parts.ledger.get(parts.protection, address)
  return entry !== undefined && entry.source === source && entry.replicaDigest !== '' ? entry : undefined
}

function unchanged(service: Service, item: Item, known: Entry | undefined): boolean {
  if (known === undefined) return false
  // The fence has just parked what acts: that is no change of theirs.
  return item.digest === known.sourceDigest || (known.kept !== undefined && sameStanding(service, item, known.kept))
}

function untouchedHere(service: Service, here: Item, known: Entry | undefined): boolean {
  if (known === undefined) return false
  return here.digest === known.replicaDigest || (known.kept !== undefined && sameStanding(service, here, known.kept))
}

/** Equal but for acting or standing by. */
function sameStanding(service: Service, item: Item, other: JsonObject): boolean {
  const parked = (body: JsonObject) => service.parked?.(body, 'hot/warm') ?? body
  return itemOf(item.address, parked(item.body)).digest === itemOf(item.address, parked(other)).digest
}

async function carryOver(
  options: ComebackOptions,
  between: { readonly from: Place; readonly to: Place; readonly ours: Snapshot; readonly items: readonly Item[] },
): Promise<readonly Finding[]> {
  const { parts, tenure, carrying, failover, signal, callMilliseconds } = options
  const { from, to, ours, items } = between
  const rules: PlanRules = {
    ...carrying,
    kind: (kind) => serviceOf(parts.services, kind),
    role: 'active',
    extras: 'keep',
    conflict: 'map',
  }
  const plan = planOf({ wanted: ours.with(items), found: ours, rules })
  const ends = { source: from, target: to }
  const { quarantined, stuck } = await execute(plan, {
    parts,
    tenure,
    ends,
    run: `${failover}-return`,
    signal,
    callMilliseconds,
  })
  const failures = new Map([...quarantined, ...stuck].map(({ step, message }) => [step.address, message]))
  const refused = plan.notes.flatMap((note) => (note.is === 'refused' ? [[note.address, note.reason] as const] : []))
  const bad = new Map<Address, string>([...failures, ...refused])
  return items.map(({ address }) => {
    const why = bad.get(address)
    return why === undefined ? { is: 'carried', address } : { is: 'conflict', address, why }
  })
}

async function read({ parts, signal, carrying }: ComebackOptions, place: Place): Promise<Observation> {
  const excluded = carrying.excluded ?? (() => false)
  const { services, now, progress } = parts
  const seen = await observe(place, { services, as: 'source', signal, excluded, now, progress })
  if (seen.incomplete.size === 0) return seen
  throw new Fault(
    'observe/incomplete',
    `${place.location} cannot be read to its end yet: ${[...seen.incomplete.values()].join('; ')}`,
    {
      hint: 'Nothing to do: it is tried again.',
    },
  )
}

async function placeOf(parts: Parts, side: Side, signal: AbortSignal): Promise<Place> {
  const place = await parts.open(side, signal)
  if (place !== undefined) return place
  throw new Fault('policy/missing', `The workspace of the ${side} is gone`, {
    facts: { side },
    hint: 'Make it again with `holdfast apply`.',
  })
}

function plain(finding: Finding): JsonObject {
  return { ...finding }
}
