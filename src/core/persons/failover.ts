import type { Milliseconds } from '../duration.ts'
import type { Consent, Situation } from '../failover.ts'
import type { JsonObject } from '../model.ts'

/** What a person wants of a failover now. */
export interface FailoverWish {
  readonly by: string
  /** Leaves the active side although it is well. */
  readonly evenIfHealthy: boolean
  /** How much work may be lost. Without it, what the policy accepts. */
  readonly acceptLoss?: Milliseconds
}

/** A person's yes is good for the moment of the decision. */
const CONSENT_MILLISECONDS: Milliseconds = 60_000

/** The yes that is in the wish: {@link decide} goes by it as by one that was given to a proposal. */
export function consentIn(
  { by, evenIfHealthy, acceptLoss }: FailoverWish,
  { policy, roles, now }: Pick<Situation, 'policy' | 'roles' | 'now'>,
): Consent {
  return {
    by,
    epoch: roles.epoch,
    expires: now.wall + CONSENT_MILLISECONDS,
    acceptLoss: acceptLoss ?? policy.maxLoss,
    ...(evenIfHealthy ? { evenIfHealthy } : {}),
  }
}

/** The wish in the form in which it is left for a controller. */
export function failoverWishBody({ evenIfHealthy, acceptLoss }: FailoverWish): JsonObject {
  return { evenIfHealthy, ...(acceptLoss === undefined ? {} : { acceptLoss }) }
}

export function failoverWishIn(by: string, { evenIfHealthy, acceptLoss }: JsonObject): FailoverWish {
  return {
    by,
    evenIfHealthy: evenIfHealthy === true,
    ...(typeof acceptLoss === 'number' ? { acceptLoss } : {}),
  }
}
