import { Fault } from '../core/errors.ts'
import type { Address, Digest, Instant } from '../core/model.ts'
import { kindOf } from '../core/model.ts'
import type { Step } from '../core/step.ts'
import type { Place, Service } from '../services/service.ts'
import { serviceOf } from './parts.ts'

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
  return {
    address: step.address,
    sourceDigest: source,
    replicaDigest: stands.digest,
    verified: stands.digest === step.to,
  }
}
