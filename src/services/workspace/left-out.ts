import type { Json } from '../../core/model.ts'
import { objectOf, propertiesOf, textOf } from '../arm-body.ts'
import { type Standby, serverlessOf, standbyNames } from './template.ts'

/** Where the standby is made more open than the primary, or lets in less, each in a sentence for whoever makes it. */
export function leftOut(standby: Standby): readonly string[] {
  return [...ofStorage(standby), ...ofAddresses(standby), ...ofServerless(standby)]
}

function ofStorage({ storage, workspace, location }: Standby): readonly string[] {
  const { storageAccount } = standbyNames(workspace)
  if (storage === undefined) {
    return [
      `The primary’s storage account could not be read, so ${storageAccount} is open to all networks: close it as that one is`,
    ]
  }
  const { virtualNetworkRules, resourceAccessRules } = objectOf(propertiesOf(storage)['networkAcls'])
  const letIn = [...idsIn(virtualNetworkRules, 'id'), ...idsIn(resourceAccessRules, 'resourceId')]
  return letIn.map((id) => `${storageAccount} does not let in ${id}: let in what stands for it in ${location}`)
}

function ofAddresses({ addresses, workspace }: Standby): readonly string[] {
  if (addresses !== 'unread') return []
  return [`Which addresses may reach the primary could not be read: look whether all may reach ${workspace}`]
}

function ofServerless({ like, named, workspace }: Standby): readonly string[] {
  const own = propertiesOf(like)
  const subnet = textOf(objectOf(own['serverlessComputeSettings'])['serverlessComputeCustomSubnet'])
  if (subnet === undefined || serverlessOf(own, named) !== undefined) return []
  return [`Serverless jobs of ${workspace} run in no subnet of yours: set the one there that stands for ${subnet}`]
}

function idsIn(rules: Json | undefined, field: string): readonly string[] {
  return Array.isArray(rules) ? rules.flatMap((rule) => textOf(objectOf(rule as Json)[field]) ?? []) : []
}
