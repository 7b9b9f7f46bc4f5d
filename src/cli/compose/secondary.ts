import type { Azure } from '../../azure/open-azure.ts'
import { Fault } from '../../core/errors.ts'
import { renaming } from '../../core/place-names.ts'
import { locationOfSide, nameOfSide, type Policy } from '../../core/policy.ts'
import { ML_API } from '../../services/arm-body.ts'
import { provision } from '../../services/workspace/provision.ts'
import { demandOwnCloud } from './own-cloud.ts'

/**
 * Makes the secondary's workspace, and what it stands on, be there, like the primary's. Safe to call again. Returns in
 * words where it is more open than the primary, or lets in less.
 */
export async function makeSecondary(azure: Azure, policy: Policy, signal: AbortSignal): Promise<readonly string[]> {
  const primary = nameOfSide(policy.primary)
  demandOwnCloud(primary)
  const like = await azure.arm.get(primary, { signal, apiVersion: ML_API })
  if (like === undefined) {
    throw new Fault('policy/missing', `There is no workspace ${primary}`, {
      hint: 'Look at `primary.workspace` in the policy.',
    })
  }
  const [workspace, location] = [nameOfSide(policy.secondary), locationOfSide(policy.secondary)]
  const remarks: string[] = []
  const named = renaming(policy.mappings).toLocal
  const remark = (text: string) => void remarks.push(text)
  await provision(azure.arm, { workspace, location, like, named, signal, remark })
  return remarks
}
