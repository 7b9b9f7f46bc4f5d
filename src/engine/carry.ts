import { sameJson } from '../core/canonical.ts'
import { Fault } from '../core/errors.ts'
import { differingFields } from '../core/fields.ts'
import type { Address, Digest, Instant, JsonObject, Side } from '../core/model.ts'
import { kindOf } from '../core/model.ts'
import type { Step } from '../core/step.ts'
import type { Place, Service } from '../services/service.ts'
import { type Parts, serviceOf } from './parts.ts'
import type { Tenure } from './tenure.ts'

/** The two ends between which steps carry. */
export interface Ends {
  readonly source: Place
  readonly target: Place
}

/** What a step came to. */
export interface Carried {
  readonly address: Address
  /** Digest of the source in the state that was carried. */
  readonly sourceDigest: Digest
  /** Digest of what stands in the target after it. */
  readonly replicaDigest: Digest
  /** True if what stands there is what the plan, or the source's newer state, asked for. */
  readonly verified: boolean
  /** Instant at which the source was seen in that state, where it is later than the plan's observation. */
  readonly observedAt?: Instant
  /** Where it is not verified, the fields in which it stands otherwise than it was asked for. */
  readonly unlike?: readonly string[]
}

/** Makes one step true in the target. May be called again after a crash; ends in the same place. */
export async function carry(
  step: Step,
  ends: Ends,
  services: readonly Service[],
  signal: AbortSignal,
): Promise<Carried> {
  const service = serviceOf(services, kindOf(step.address))
  if (service === undefined) {
    throw new Fault('plan/dangling-reference', `Nothing here knows the kind of ${step.address}`, {
      hint: 'Plan again with this release.',
    })
  }
  if (step.do === 'remove') {
    await service.remove(ends.target, step.address, { signal, as: 'target' })
    return { address: step.address, sourceDigest: '', replicaDigest: '', verified: true }
  }
  const stands = await service.converge(ends.target, step.item, { source: ends.source, signal, as: 'target' })
  const source = step.do === 'archive' ? step.to : step.source
  if (stands.observedAt !== undefined) {
    const moved = { sourceDigest: stands.digest, replicaDigest: stands.digest }
    return { address: step.address, ...moved, verified: true, observedAt: stands.observedAt }
  }
  const verified = stands.digest === step.to
  return {
    address: step.address,
    sourceDigest: source,
    replicaDigest: stands.digest,
    verified,
    ...(verified ? {} : { unlike: differingFields(step.item.body, stands.body).map(({ path }) => path) }),
  }
}

/** Where things stand in the standby whose own name was taken there, by their address in the active side. */
export type Mapping = ReadonlyMap<Address, Address>

/** As the last pass in the direction from this side left it. Neither side need answer. */
export async function mappingOf(
  { store, protection }: Pick<Parts, 'store' | 'protection'>,
  active: Side,
): Promise<Mapping> {
  const fact = await store.fact(protection, 'mapped')
  if (fact?.['active'] !== active) return new Map()
  return new Map(Object.entries(fact['to'] as JsonObject) as [Address, Address][])
}

/** Writes down where a pass found things to stand, if that is news. */
export async function keepMapping(
  parts: Parts,
  tenure: Tenure,
  of: { readonly active: Side; readonly mapped: Mapping },
) {
  const before = await parts.store.fact(parts.protection, 'mapped')
  const now = { active: of.active, to: Object.fromEntries(of.mapped) }
  if (before === undefined ? of.mapped.size > 0 : !sameJson(before, now)) await tenure.setFact('mapped', now)
}
