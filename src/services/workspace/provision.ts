import type { Arm, Body } from '../../azure/arm.ts'
import { Fault, isFault } from '../../core/errors.ts'
import { ML_API, objectOf, propertiesOf, STORAGE_API, textOf } from '../arm-body.ts'
import type { Reach } from '../service.ts'
import { leftOut } from './left-out.ts'
import { type Named, type Standby, standbyTemplate } from './template.ts'

export interface ProvisionOptions extends Reach {
  /** ARM id of the workspace that is to be: in a resource group of the secondary's region. */
  readonly workspace: string
  readonly location: string
  /** The primary's workspace, as ARM gave it. */
  readonly like: Body
  /** `shared`: both sides use the primary's vault, as the vendor's guidance says. Default: `shared`. */
  readonly keyVault?: 'shared' | 'own' | { readonly id: string }
  /** Registry of the standby. Default: the primary's, which must be geo-replicated to be of use. */
  readonly containerRegistry?: string
  /** What the policy maps. Default: nothing, names are the same on both sides. */
  readonly named?: Named
  /** Is told in words where the standby is made more open than the primary, or lets in less. */
  readonly remark?: (text: string) => void
}

const GROUP_API = '2022-09-01'

/** A version of Azure ML's API that knows which addresses may reach a workspace. 2025-12-01 has no such fields. */
const ADDRESSES_API = '2025-10-01-preview'

/**
 * Makes the standby's workspace, and what it stands on, be there. A workspace that is there is left as it is;
 * called again after a crash it goes on with the same names. Returns the workspace.
 */
export async function provision(arm: Arm, options: ProvisionOptions): Promise<Body> {
  const { workspace, location, like, signal } = options
  const there = await arm.get(workspace, { signal, apiVersion: ML_API })
  if (there !== undefined && propertiesOf(there)['provisioningState'] === 'Succeeded') return there
  demandPossible(like)
  const group = workspace.split('/').slice(0, 5).join('/')
  const found = await arm.get(group, { signal, apiVersion: GROUP_API })
  if (found === undefined) await arm.put(group, { location }, { signal, apiVersion: GROUP_API })
  const standby = await standbyOf(arm, options)
  for (const text of leftOut(standby)) options.remark?.(text)
  const template = standbyTemplate(standby)
  const name = `holdfast-${workspace.slice(workspace.lastIndexOf('/') + 1)}`.slice(0, 64)
  const path = `${group}/providers/Microsoft.Resources/deployments/${name}`
  const body = { properties: { mode: 'Incremental', template, parameters: {} } }
  const deployed = await arm.put(path, body, { signal, apiVersion: GROUP_API })
  demandSucceeded(workspace, deployed)
  const made = await arm.get(workspace, { signal, apiVersion: ML_API })
  if (made !== undefined) return made
  throw new Fault('azure/refused', `${workspace} is not there after its deployment ${name}`, {
    hint: 'Look at the deployment in the resource group.',
  })
}

async function standbyOf(arm: Arm, options: ProvisionOptions): Promise<Standby> {
  const { workspace, location, like, keyVault = 'shared', containerRegistry, signal } = options
  const own = propertiesOf(like)
  const shared = keyVault === 'own' ? undefined : keyVault === 'shared' ? textOf(own['keyVault']) : keyVault.id
  return {
    workspace,
    location,
    like,
    addresses: await addressesOf(arm, like, signal),
    storage: await readable(arm, textOf(own['storageAccount']), STORAGE_API, signal),
    insights: await readable(arm, textOf(own['applicationInsights']), '2020-02-02', signal),
    keyVault: shared,
    named: options.named ?? ((_kind, name) => name),
    containerRegistry: containerRegistry ?? textOf(own['containerRegistry']),
  }
}

/** What the primary stands on, as far as it answers: without it the standby is made as Azure makes one by default. */
async function readable(
  arm: Arm,
  id: string | undefined,
  apiVersion: string,
  signal: AbortSignal,
): Promise<Body | undefined> {
  if (id === undefined) return undefined
  try {
    return await arm.get(id, { signal, apiVersion })
  } catch (thrown) {
    if (isFault(thrown, 'azure/unreachable', 'azure/denied')) return undefined
    throw thrown
  }
}

/** Which addresses may reach a workspace; `undefined` where all may. */
async function addressesOf(arm: Arm, like: Body, signal: AbortSignal): Promise<Standby['addresses']> {
  try {
    const found = await arm.get(textOf(like['id']) ?? '', { signal, apiVersion: ADDRESSES_API })
    const { ipAllowlist, networkAcls } = propertiesOf(found ?? {})
    const acls = objectOf(networkAcls)
    const properties = {
      ...(Array.isArray(ipAllowlist) && ipAllowlist.length > 0 ? { ipAllowlist } : {}),
      ...(/^deny$/i.test(String(acls['defaultAction'])) ? { networkAcls: acls } : {}),
    }
    return Object.keys(properties).length === 0 ? undefined : { apiVersion: ADDRESSES_API, properties }
  } catch (thrown) {
    if (isFault(thrown, 'azure/unreachable', 'azure/denied', 'azure/refused')) return 'unread'
    throw thrown
  }
}

/** Refuses what a template of ours would make less of than the primary has. */
function demandPossible(like: Body): void {
  const own = propertiesOf(like)
  const encryption = objectOf(own['encryption'])
  if (encryption['status'] === 'Enabled') {
    throw byHand('its primary is encrypted with a key of yours, which must stand in the same region', 'encryption')
  }
  if (textOf(own['hubResourceId']) !== undefined)
    throw byHand('its primary is a project, which stands under a hub', 'hub')
}

function byHand(why: string, field: string): Fault {
  return new Fault('azure/refused', `The standby cannot be made from a template: ${why}`, {
    facts: { field },
    hint: 'Make the workspace by hand and name it in `secondary.workspace`; everything else then follows.',
  })
}

function demandSucceeded(workspace: string, deployed: Body): void {
  const { provisioningState, error } = propertiesOf(deployed)
  if (provisioningState === 'Succeeded') return
  const said = textOf(objectOf(error)['message']) ?? 'no reason given'
  throw new Fault('azure/refused', `The deployment of ${workspace} is ${String(provisioningState)}: ${said}`, {
    facts: { state: String(provisioningState) },
    hint: 'Correct what Azure names and run it again; what was made stays and is used.',
  })
}
