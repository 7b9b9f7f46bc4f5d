import { Fault, isFault } from '../../core/errors.ts'
import { type Address, type Item, type Json, type JsonObject, otherSide, type Side } from '../../core/model.ts'
import { plan as planOf } from '../../core/plan.ts'
import type { Snapshot } from '../../core/snapshot.ts'
import type { Note, PlanRules } from '../../core/step.ts'
import type { Place, Service } from '../../services/service.ts'
import { execute } from '../execute.ts'
import { type Fenced, fence } from '../fence.ts'
import { GONE_AGAIN } from '../insist.ts'
import { type Observation, observe } from '../observe.ts'
import { type Parts, placeOf, serviceOf } from '../parts.ts'
import { type Attended, attended, type Doubt } from '../presence.ts'
import type { Carrying } from '../sync.ts'
import type { Tenure } from '../tenure.ts'
import { type Earlier, type Finding, type Sorted, sortOut } from './sort-out.ts'

export interface Comeback {
  readonly fenced: Fenced
  readonly findings: readonly Finding[]
}

/**
 * Longest that fencing a side takes which answers again: each call has a time of its own, and what there is to list and
 * to cancel may be very much.
 */
const FENCING_MILLISECONDS = 300_000

export interface ComebackOptions {
  readonly parts: Parts
  readonly tenure: Tenure
  readonly active: Side
  /** The failover since which the other side was away. */
  readonly failover: string
  readonly carrying: Carrying
  readonly signal: AbortSignal
  /** Set where a side that is gone ends more than this: see {@link attended}. */
  readonly doubt?: Doubt
  readonly callMilliseconds: number
}

/**
 * Takes a side back that was away: fences it before anything else, and carries what only it has into the active
 * side. Nothing that stands on either side is removed or overwritten. Safe to call again after a crash.
 *
 * @throws Fault `observe/incomplete` while either side cannot be read to its end; nothing but the fence was done then
 */
export async function comeback(given: ComebackOptions): Promise<Comeback> {
  const options = attended(given)
  const { parts, tenure, active, failover, signal, callMilliseconds } = options
  const returned = otherSide(active)
  const permit = () => tenure.demand(callMilliseconds)
  const fenced = await fence(parts, returned, { signal, milliseconds: FENCING_MILLISECONDS, permit })
  if (!fenced.complete) {
    throw new Fault(
      'observe/incomplete',
      `The ${returned} cannot be fenced yet: ${Object.values(fenced.unreached).join('; ')}`,
      {
        facts: { unfenced: true },
        hint: '`holdfast serve` tries it again by itself; `holdfast sync` does by hand. Nothing else is done with it before.',
      },
    )
  }
  const [from, to] = [await placeOf(parts, returned, signal), await placeOf(parts, active, signal)]
  const [theirs, ours] = await Promise.all([read(options, from), read(options, to)])
  const earlier = await meantBefore(options)
  const snapshots = { theirs: theirs.snapshot, ours: ours.snapshot }
  const sorted = sortOut({ parts, returned, mark: () => failover, earlier, ...snapshots })
  const findings = [...sorted.settled, ...(await settle(options, { from, to, ...snapshots, sorted }))]
  await tenure.append(failover, {
    type: 'return/done',
    body: { side: returned, findings: findings.map(plain) },
  })
  return { fenced, findings }
}

/** What an attempt that was cut off meant to carry: where it did, nothing else tells of it any more. */
export async function meantBefore({
  parts,
  failover,
}: Pick<ComebackOptions, 'parts' | 'failover'>): Promise<ReadonlyMap<Address, Earlier>> {
  const meant = new Map<Address, Earlier>()
  for await (const { type, body } of parts.store.read(parts.protection, { run: failover })) {
    if (type !== 'return/planned') continue
    const ended = await endedIn(parts, body['run'])
    for (const finding of body['findings'] as unknown as readonly Finding[]) {
      const as = finding.is === 'aside' ? finding.as : finding.address
      meant.set(finding.address, { finding, ended: ended.has(as) })
    }
  }
  return meant
}

/** Addresses of the steps that came to their end. A record of an earlier release does not tell its run. */
async function endedIn({ store, protection }: Parts, run: Json | undefined): Promise<ReadonlySet<string>> {
  const ended = new Set<string>()
  if (typeof run !== 'string') return ended
  for await (const { type, body } of store.read(protection, { run })) {
    if (type === 'step/done') ended.add(String(body['address']))
  }
  return ended
}

/** Carries what was sorted out into the active side, and merges what both have more of. */
export async function settle(
  options: Omit<ComebackOptions, 'active'>,
  over: CarryingOver,
): Promise<readonly Finding[]> {
  const findings = [...(await carryOver(options, over))]
  for (const one of over.sorted.merge) findings.push(await merged(options, { ...over, ...one }))
  return findings
}

export interface CarryingOver {
  readonly from: Place
  readonly to: Place
  /** All that was found on either side. */
  readonly theirs: Snapshot
  readonly ours: Snapshot
  readonly sorted: Sorted
  /** True: what stands already, under a name of its own, is not told again. */
  readonly newsOnly?: boolean
}

async function carryOver(options: Omit<ComebackOptions, 'active'>, over: CarryingOver): Promise<readonly Finding[]> {
  const { parts, tenure, carrying, failover, signal, doubt, callMilliseconds } = options
  const { from, to, ours, sorted } = over
  const rules: PlanRules = {
    ...carrying,
    kind: (kind) => serviceOf(parts.services, kind),
    role: 'active',
    extras: 'keep',
    conflict: 'map',
  }
  const plan = planOf({ wanted: ours.with(sorted.carry.map(({ item }) => item)), found: ours, rules })
  const notes = new Map(plan.notes.map((note) => [note.address, note]))
  const moving = new Set(plan.steps.map((step) => ('origin' in step ? step.origin : undefined) ?? step.address))
  const isNews = ({ item: { address } }: Sorted['carry'][number]) =>
    moving.has(address) || notes.get(address)?.is === 'refused'
  const carry = over.newsOnly === true ? sorted.carry.filter(isNews) : sorted.carry
  const meant = carry.map((one) => {
    const finding = carriedAs(one, notes.get(one.item.address))
    return finding.is === 'conflict' ? left(options, over, finding) : finding
  })
  if (over.newsOnly === true && meant.length + sorted.merge.length === 0) return []
  const merging = sorted.merge.map(({ item }): Finding => ({ is: 'merged', address: item.address }))
  const run = `${failover}-return-${parts.now().toString(36)}`
  const findings = [...meant, ...merging].map(plain)
  await tenure.append(failover, { type: 'return/planned', body: { findings, run } })
  const { quarantined, stuck, brokenOff } = await execute(plan, {
    parts,
    tenure,
    ends: { source: from, target: to },
    run,
    signal,
    ...(doubt === undefined ? {} : { doubt }),
    callMilliseconds,
  })
  if (brokenOff !== undefined) throw brokenOff
  const cutOff = quarantined.find(({ code }) => code !== undefined && GONE_AGAIN.has(code))
  if (cutOff?.code !== undefined)
    throw new Fault(cutOff.code, cutOff.message, { hint: 'Run it again when it answers: what was carried stays.' })
  const bad = new Map<Address, string>([...quarantined, ...stuck].map(({ step, message }) => [step.address, message]))
  return meant.map((one) => {
    const why = bad.get(one.is === 'aside' ? one.as : one.address)
    return why === undefined ? one : left(options, over, { address: one.address, why: why || 'what it needs failed' })
  })
}

/** What a thing becomes by a plan that has this note of it. */
function carriedAs({ of, item }: Sorted['carry'][number], note: Note | undefined): Finding {
  if (note?.is === 'refused') return { is: 'conflict', address: of, why: note.reason }
  const as = note?.is === 'mapped' ? note.to : item.address
  return as === of ? { is: 'carried', address: of } : { is: 'aside', address: of, as }
}

/**
 * What cannot be carried is a conflict, unless it needs something that neither listing had: that came to be between
 * the listings of their kinds, and where each pass looks for late work, the next one finds both.
 */
function left(
  { parts, carrying }: Omit<ComebackOptions, 'active'>,
  { theirs, ours }: CarryingOver,
  { address, why }: { readonly address: Address; readonly why: string },
): Finding {
  const isMissing = (need: Address) => !theirs.has(need) && !ours.has(need) && carrying.excluded?.(need) !== true
  const isUnripe = parts.unfenced !== undefined && theirs.get(address)?.needs.some(isMissing) === true
  if (!isUnripe) return { is: 'conflict', address, why }
  return { is: 'listed', address, why: 'what it needs was not found yet; the next pass looks for it' }
}

interface Merging {
  readonly from: Place
  readonly to: Place
  readonly service: Service
  readonly item: Item
}

async function merged(
  { tenure, signal, callMilliseconds }: Pick<ComebackOptions, 'tenure' | 'signal' | 'callMilliseconds'>,
  { from, to, service, item }: Merging,
): Promise<Finding> {
  const { address } = item
  tenure.demand(callMilliseconds)
  try {
    await service.mergeInto?.(to, item, { source: from, signal, as: 'target' })
    return { is: 'merged', address }
  } catch (thrown) {
    if (!isFault(thrown) || signal.aborted || GONE_AGAIN.has(thrown.code) || thrown.code === 'run/fenced') throw thrown
    return { is: 'conflict', address, why: thrown.message }
  }
}

async function read(
  { parts, signal, doubt, carrying }: ComebackOptions & Attended,
  place: Place,
): Promise<Observation> {
  const excluded = carrying.excluded ?? (() => false)
  const { services, now, progress } = parts
  const reading = { services, signal, doubt, excluded, now, progress }
  const seen = await observe(place, { ...reading, as: 'source', afresh: true })
  if (seen.incomplete.size === 0) return seen
  throw new Fault(
    'observe/incomplete',
    `${place.location} cannot be read to its end yet: ${[...seen.incomplete.values()].join('; ')}`,
    {
      hint: '`holdfast serve` tries it again by itself; `holdfast sync` does by hand.',
    },
  )
}

/** A finding as the journal has it. */
export function plain(finding: Finding): JsonObject {
  return { ...finding }
}
