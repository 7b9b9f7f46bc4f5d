import { Fault } from '../core/errors.ts'
import { type Address, type Instant, type Kind, kindOf, otherSide, type Side } from '../core/model.ts'
import { plan as planOf } from '../core/plan.ts'
import { type Snapshot, withKind } from '../core/snapshot.ts'
import type { Note, Plan, Planning, PlanRules } from '../core/step.ts'
import type { Service } from '../services/service.ts'
import { type Ends, keepMapping, mappingOf } from './carry.ts'
import { type Execution, execute } from './execute.ts'
import { type Observation, observe } from './observe.ts'
import { type Parts, placeOf, serviceOf } from './parts.ts'
import { attended, type Doubt } from './presence.ts'
import { type Reckoned, reckon } from './reckon.ts'
import { refusalsOf } from './refusals.ts'
import { carryLate } from './return/late.ts'
import { noteLeftBehind } from './return/left-behind.ts'
import type { Finding } from './return/sort-out.ts'
import { conflictsOf, forgetSettled } from './roles.ts'
import type { Tenure } from './tenure.ts'

/** What the policy and the situation say about carrying. */
export type Carrying = Omit<PlanRules, 'kind' | 'role' | 'incomplete'>

export interface PassOptions {
  readonly parts: Parts
  readonly active: Side
  readonly carrying: Carrying
  readonly signal: AbortSignal
  /** Set where a side that is gone ends more than this: see {@link attended}. */
  readonly doubt?: Doubt
  /** Snapshots of the pass before: what did not change shares its memory. */
  readonly before?: { readonly source: Snapshot; readonly target: Snapshot }
  /** Kinds that are not to be read in the source now, with the reason: what is known of them stays as it is. */
  readonly unread?: (service: Service) => string | undefined
  /** Digest, or its beginning, of the one plan for which a person lifted the brake. */
  readonly liftFor?: string
}

/** Both sides as they are and what would make the standby follow. Nothing is written. */
export interface Prepared {
  readonly ends: Ends
  readonly source: Observation
  readonly target: Observation
  readonly rules: PlanRules
  readonly plan: Plan
}

/** One pass: what it saw, did and could not do. */
export interface Pass extends Prepared {
  /** What somebody still wrote to the standby, and what became of it. */
  readonly late: readonly Finding[]
  readonly execution: Execution
  readonly reckoned: Reckoned
}

/**
 * Reads both sides and plans. Direction: from the active side, whichever that is. With `standing`, the standby counts as
 * it was when that was read.
 */
export async function prepare(given: PassOptions, standing?: Observation): Promise<Prepared> {
  const options = attended(given)
  const { parts, active, carrying, signal, doubt, before } = options
  const [source, target] = await Promise.all([
    placeOf(parts, active, signal),
    placeOf(parts, otherSide(active), signal),
  ])
  const excluded = carrying.excluded ?? (() => false)
  const reading = { services: parts.services, signal, doubt, excluded, progress: parts.progress }
  const [from, to] = await Promise.all([
    observe(source, {
      ...reading,
      now: () => source.now?.() ?? parts.now(),
      as: 'source',
      ...(options.unread === undefined ? {} : { unread: options.unread }),
      ...(before === undefined ? {} : { before: before.source }),
    }),
    standing ??
      observe(target, {
        ...reading,
        now: () => target.now?.() ?? parts.now(),
        as: 'target',
        ...(before === undefined ? {} : { before: before.target }),
      }),
  ])
  const incomplete = new Set<Kind>([...from.incomplete.keys(), ...to.incomplete.keys()])
  const conflicts = await conflictsOf(parts)
  const mapped = await mappingOf(parts, active)
  const rules: PlanRules = {
    ...carrying,
    kind: (kind) => serviceOf(parts.services, kind),
    role: 'standby',
    incomplete,
    mapped: new Map([...mapped].filter(([address]) => incomplete.has(kindOf(address)))),
    withheld: (address) => from.withheld.has(address),
    quarantined: (address) => conflicts[address] ?? carrying.quarantined?.(address),
  }
  const plan = lifted({ wanted: provedBy(from), found: to.snapshot, rules }, options.liftFor)
  return { ends: { source, target }, source: from, target: to, rules, plan }
}

/** The shortest beginning of a digest that names a plan. */
const SHORTEST = 8

/** The plan, with its withdrawals where a person has seen exactly this one and lifted the brake for it. */
function lifted(planning: Planning, liftFor: string | undefined): Plan {
  const plan = planOf(planning)
  if (plan.brake === undefined || liftFor === undefined) return plan
  if (liftFor.length >= SHORTEST && plan.digest.startsWith(liftFor.toLowerCase()))
    return planOf({ ...planning, rules: { ...planning.rules, brakeLifted: true } })
  throw new Fault('sync/brake', `The plan is ${plan.digest.slice(0, SHORTEST)} by now, and not ${liftFor}`, {
    facts: { digest: plan.digest },
    hint: 'Look at it with `holdfast plan`, and lift the brake for that one.',
  })
}

/** What was read to its end. What an earlier reading had may be older than what the standby has by now. */
function provedBy({ snapshot, incomplete }: Observation): Snapshot {
  let proved = snapshot
  for (const kind of incomplete.keys()) proved = withKind(proved, kind, [])
  return proved
}

/**
 * Makes the standby follow, and brings the ledger up to date with what was seen and done.
 * @throws Fault `azure/unreachable` where nothing of a side answers any more; the ledger then has what was carried before
 */
export async function pass(
  given: PassOptions & { readonly tenure: Tenure; readonly callMilliseconds: number },
): Promise<Pass> {
  const options = attended(given)
  const { parts, tenure, active, signal, doubt, callMilliseconds } = options
  await parts.learn(tenure, signal)
  const seen = await prepare(options)
  const late = await carryLate(options, seen)
  // What somebody has written to the standby since it was read is late work too, and nobody's loss: the next pass finds it.
  const prepared = late.length === 0 ? seen : await prepare(options, seen.target)
  const { plan, ends } = prepared
  // The source's clock may stand still between two passes, and the steps of one say nothing of another's.
  const run = `sync-${parts.now().toString(36)}-${plan.digest.slice(0, 8)}`
  if (plan.steps.length > 0)
    await tenure.append(run, { type: 'sync/planned', body: { digest: plan.digest, steps: plan.steps.length, active } })
  const execution = await execute(plan, { parts, tenure, ends, run, signal, doubt, callMilliseconds })
  if (parts.unfenced !== undefined) await noteLeftBehind(parts, prepared, tenure.lease)
  const mapped = new Map([...(prepared.rules.mapped ?? []), ...mappedOf(plan.notes)])
  const reckoned = await reckon(parts.ledger, {
    lease: tenure.lease,
    active,
    source: prepared.source,
    target: prepared.target,
    carried: execution.carried,
    rules: prepared.rules,
    cold: coldIn(plan.notes),
    refused: refusalsOf({ ...parts, ...prepared, execution }),
    mapped,
    isOpen: ({ address, body }) => serviceOf(parts.services, kindOf(address))?.open?.(body) ?? false,
    now: parts.now(),
  })
  await keepMapping(parts, tenure, { active, mapped })
  await forgetSettled(parts, tenure, carriedBy(prepared, execution))
  await tenure.setFact('synced', syncedFact(active, { prepared, execution, reckoned, now: parts.now() }))
  if (execution.brokenOff !== undefined) throw execution.brokenOff
  return { ...prepared, late, execution, reckoned }
}

interface Done {
  readonly prepared: Prepared
  readonly execution: Execution
  readonly reckoned: Reckoned
  readonly now: Instant
}

function syncedFact(active: Side, { prepared: { source, plan }, execution, reckoned, now }: Done) {
  return {
    active,
    startedAt: source.startedAt,
    endedAt: now,
    recoveryPoint: reckoned.recoveryPoint ?? 0,
    items: source.snapshot.size,
    steps: plan.steps.length,
    behind: reckoned.behind.length,
    refused: reckoned.refused.length,
    failed: execution.quarantined.length,
  }
}

/** Whether a pass has left nothing to do of something. */
function carriedBy({ rules, plan }: Prepared, { carried }: Execution): (address: Address) => boolean {
  const undone = new Set<Address>()
  for (const step of plan.steps) {
    if (carried.has(step.address)) continue
    undone.add(step.address).add(('origin' in step ? step.origin : undefined) ?? step.address)
  }
  return (address) => !undone.has(address) && rules.incomplete?.has(kindOf(address)) !== true
}

function mappedOf(notes: readonly Note[]): ReadonlyMap<Address, Address> {
  return new Map(notes.flatMap((note) => (note.is === 'mapped' ? [[note.address, note.to] as const] : [])))
}

function coldIn(notes: readonly Note[]): ReadonlySet<Address> {
  return new Set(notes.flatMap((note) => (note.is === 'kept' && note.because === 'cold' ? [note.address] : [])))
}

/** Kinds with the number of steps each, in the order of kinds, for people. */
export function stepsByKind(plan: Pick<Plan, 'steps'>): ReadonlyMap<Kind, number> {
  const counts = new Map<Kind, number>()
  for (const { address } of plan.steps) counts.set(kindOf(address), (counts.get(kindOf(address)) ?? 0) + 1)
  return new Map([...counts].sort(([one], [other]) => (one < other ? -1 : 1)))
}
