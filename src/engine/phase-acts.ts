import { Fault } from '../core/errors.ts'
import { type Address, type Digest, type Item, type JsonObject, kindOf, type Side } from '../core/model.ts'
import type { FailoverState, Phase } from '../core/phases.ts'
import { mappedFrom } from '../core/plan-drafts.ts'
import { item, type Snapshot } from '../core/snapshot.ts'
import { ledForm } from '../core/standing.ts'
import type { Entry } from '../store/ledger.ts'
import { mappingOf } from './carry.ts'
import { lossOf, openBy } from './loss.ts'
import { drainLost, fenceLost } from './lost-side.ts'
import { type Observation, observe } from './observe.ts'
import { type Parts, placeOf, serviceOf } from './parts.ts'
import { type Active, pointAll, type Target } from './pointer.ts'
import { promote } from './promote.ts'
import { NO_REPLICA } from './reckon.ts'
import { type Resubmitting, resubmit } from './resubmit.ts'
import { SWITCHOVER_ACTS } from './switchover/phases.ts'
import type { Carrying } from './sync.ts'
import type { Tenure } from './tenure.ts'

/** Everything that the phases of a failover need. */
export interface Failing extends Resubmitting {
  readonly parts: Parts
  readonly tenure: Tenure
  readonly carrying: Carrying
  readonly id: string
  readonly from: Side
  readonly to: Side
  readonly pointer: readonly Target[]
  /** The side that takes over, as pointers call it. */
  readonly takesOver: Pick<Active, 'name' | 'location'>
  readonly signal: AbortSignal
  readonly callMilliseconds: number
  /** How long the lost side is tried for what it may still give or take. */
  readonly lostSideMilliseconds: number
}

/** What each phase does. Each may be done again and then ends in the same place; its result stands in the journal. */
export const PHASE_ACTS: Readonly<Record<Phase, (failing: Failing, state: FailoverState) => Promise<JsonObject>>> = {
  ...SWITCHOVER_ACTS,
  // These two were over when the failover began; their times are in its first records.
  detect: async () => ({}),
  decide: async () => ({}),
  lease: async ({ tenure }) => ({ epoch: tenure.lease.epoch, holder: tenure.lease.holder }),
  fence: fenceLost,
  drain: drainLost,
  promote: async (failing) => {
    const { parts, from, to, tenure, signal, callMilliseconds } = failing
    const mapped = await mappingOf(parts, from)
    const promoted = await promote(parts, to, { tenure, signal, callMilliseconds, mapped })
    await tenure.setFact('roles', { active: to, epoch: tenure.lease.epoch, failover: failing.id })
    return { raised: promoted.raised, failed: promoted.failed }
  },
  resubmit,
  pointer: async ({ pointer, takesOver, to, tenure, signal, callMilliseconds }) => {
    const active = { ...takesOver, side: to, epoch: tenure.lease.epoch }
    const permit = () => tenure.demand(callMilliseconds)
    const { moved, left } = await pointAll(pointer, active, { signal, callMilliseconds, permit })
    return { moved: moved.map((one) => ({ ...one })), left: left.map((one) => ({ ...one })), epoch: active.epoch }
  },
  verify,
  // The ledger still speaks of the side that was lost; after this the next passes speak of the other direction.
  report: async ({ parts, from }, { move }) => {
    const { items } = lossOf(parts.ledger, parts.protection, openBy(parts.services))
    // In a switchover what acts was read before it was stopped, and has done nothing since.
    const stopped = (address: Address) => serviceOf(parts.services, kindOf(address))?.fence !== undefined
    const lost = move === 'switchover' ? items.filter(({ address }) => !stopped(address)) : items
    const loss = lost.map((one) => ({ ...one }))
    const isKnown = Iterator.from(parts.ledger.entries(parts.protection)).some(({ source }) => source === from)
    return { loss, ...(isKnown ? {} : { unknown: true }) }
  },
}

/**
 * Looks at the side that took over and compares it with what the ledger says must be there. A kind whose list breaks off
 * twice is named, and nothing of it is compared.
 *
 * @throws Fault where the side itself does not answer; to be called again then
 */
async function verify(failing: Failing): Promise<JsonObject> {
  const { parts, from } = failing
  const seen = await lookAgain(failing)
  const standsFor = replicasIn(seen.snapshot)
  const raisedAs = await raising(failing)
  const counts: Record<string, number> = {}
  const missing: Address[] = []
  const different: Address[] = []
  for (const entry of parts.ledger.entries(parts.protection)) {
    const service = serviceOf(parts.services, kindOf(entry.address))
    if (
      entry.source !== from ||
      seen.incomplete.has(kindOf(entry.address)) ||
      entry.replicaDigest === NO_REPLICA ||
      service?.can.converge !== true ||
      entry.address.endsWith('/')
    )
      continue
    counts[service.kind] = (counts[service.kind] ?? 0) + 1
    const there = standsFor(entry)
    if (there === undefined) missing.push(entry.address)
    else if (
      there.digest !== entry.replicaDigest &&
      there.digest !== raisedAs(entry) &&
      service.open?.(entry.kept ?? {}) !== true
    )
      different.push(entry.address)
  }
  return { compared: counts, missing, different, unread: Object.fromEntries(seen.incomplete) }
}

/** Digest of what a failover raised, in the form in which it acts. */
async function raising({ parts, from }: Failing): Promise<(entry: Entry) => Digest | undefined> {
  const mapped = await mappingOf(parts, from)
  return ({ address, kept }) => {
    const service = serviceOf(parts.services, kindOf(address))
    return kept === undefined
      ? undefined
      : ledForm(item(address, kept, service?.references(kept)), service, mapped).digest
  }
}

/** Reads the side that took over, and once more what could not be read while it answers. */
async function lookAgain({ parts, to, signal, carrying }: Failing): Promise<Observation> {
  const place = await placeOf(parts, to, signal)
  const { services, now, progress } = parts
  const excluded = carrying.excluded ?? (() => false)
  const reading = { as: 'target', signal, excluded, now, progress } as const
  const first = await observe(place, { ...reading, services })
  const unread = services.filter(({ kind }) => first.incomplete.has(kind))
  if (unread.length === 0) return first
  const demandAnswer = async ({ incomplete }: Observation) => {
    if ((await parts.answers?.(to, signal)) ?? first.complete.size > 0) return
    const [why] = incomplete.values()
    throw new Fault('observe/incomplete', `The ${to} does not answer while it is verified: ${why}`, {
      hint: 'Nothing to do: it is tried again.',
    })
  }
  await demandAnswer(first)
  const again = await observe(place, { ...reading, services: unread, before: first.snapshot })
  if (again.incomplete.size > 0) await demandAnswer(again)
  return again
}

/** Finds the replica of an entry, also where its own name was taken there and it was mapped to another. */
function replicasIn(snapshot: Snapshot): (entry: Entry) => Item | undefined {
  const mapped = new Map<string, Item>()
  for (const one of snapshot.items()) {
    const origin = mappedFrom(one.address)
    if (origin !== undefined) mapped.set(`${origin} ${one.digest}`, one)
  }
  return ({ address, replicaDigest }) => mapped.get(`${address} ${replicaDigest}`) ?? snapshot.get(address)
}
