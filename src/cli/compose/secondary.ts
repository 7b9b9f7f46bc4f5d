import type { Azure } from '../../azure/open-azure.ts'
import { Fault } from '../../core/errors.ts'
import type { Policy } from '../../core/policy.ts'
import { ML_API } from '../../services/arm-body.ts'
import { provision } from '../../services/workspace/provision.ts'
import { demandOwnCloud } from './own-cloud.ts'

/** Makes the secondary's workspace, and what it stands on, be there, like the primary's. Safe to call again. */
export async function makeSecondary(azure: Azure, policy: Policy, signal: AbortSignal): Promise<void> {
  demandOwnCloud(policy.primary.workspace)
  const like = await azure.arm.get(policy.primary.workspace, { signal, apiVersion: ML_API })
  if (like === undefined) {
    throw new Fault('policy/missing', `There is no workspace ${policy.primary.workspace}`, {
      hint: 'Look at `primary.workspace` in the policy.',
    })
  }
  const { workspace, location } = policy.secondary
  await provision(azure.arm, { workspace, location, like, signal })
}
