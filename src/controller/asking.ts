import type { Consent, Decision } from '../core/failover.ts'
import type { Roles } from '../core/model.ts'
import { consentTo, type Proposal, proposalFor } from '../core/persons/approval.ts'
import type { Policy } from '../core/policy.ts'
import { approvalNow, type takeoverPlan } from '../engine/deciding/proposing.ts'
import type { Parts } from '../engine/parts.ts'
import type { Tenure } from '../engine/tenure.ts'
import { WORDS } from '../engine/words.ts'

/** What a decision and what follows from it need of a person's approval. */
export interface Asking {
  readonly consenting: { readonly consent?: Consent }
  /** Digest of the plan that was approved. */
  readonly approval: { readonly approval?: string }
  /** Puts the plan before a person, unless it is already. */
  propose(tenure: Tenure, decision: Extract<Decision, { do: 'ask' }>): Promise<void>
}

export const NOT_ASKED: Asking = { consenting: {}, approval: {}, propose: async () => undefined }

interface Asked {
  readonly parts: Parts
  readonly policy: Policy
  readonly plan: typeof takeoverPlan
  told(event: { readonly is: 'proposal'; readonly proposal: Proposal }): void
}

/** Compares what was approved with what would be done now. */
export async function asking({ parts, policy, plan, told }: Asked, roles: Roles): Promise<Asking> {
  const standing = await approvalNow(parts)
  const current = await plan(parts, roles, policy.pointer)
  const consent = consentTo(current, standing, parts.now())
  return {
    consenting: consent === undefined ? {} : { consent },
    approval: consent === undefined || standing === undefined ? {} : { approval: standing.proposal.digest },
    propose: async (tenure, { loss, reason }) => {
      if (loss === undefined) return
      const expiresIn = policy.failover.approvalExpires
      const proposal = proposalFor(current, standing, { wall: parts.now(), loss, expiresIn, reason })
      if (proposal === undefined) return
      await tenure.append(WORDS, { type: 'approval/proposed', body: { ...proposal } })
      told({ is: 'proposal', proposal })
    },
  }
}
