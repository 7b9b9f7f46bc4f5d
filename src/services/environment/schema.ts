import type { Body } from '../../azure/arm.ts'
import { propertiesOf, textOf } from '../arm-body.ts'
import { ASSET_MUTABLE, ASSET_READ_ONLY, type AssetKind } from '../versioned-asset.ts'

/** `environmentType` is Azure's own judgement of who made it. */
const READ_ONLY: ReadonlySet<string> = new Set([...ASSET_READ_ONLY, 'environmentType'])

/**
 * The labels of a version, `latest` among them: they move to the next one with it. Source: the output of
 * [New-AzMLWorkspaceEnvironmentVersion](https://learn.microsoft.com/powershell/module/az.machinelearningservices/new-azmlworkspaceenvironmentversion).
 */
const COMPUTED: ReadonlySet<string> = new Set(['azureml.labels'])

export const ENVIRONMENT_KIND: AssetKind = {
  kind: 'environment',
  collection: 'environments',
  needs: ['blob'],
  archives: true,
  ordered: true,
  schema: { readOnly: READ_ONLY, computed: COMPUTED },
  mutable: ASSET_MUTABLE,
  curated: isCurated,
}

/**
 * True for what the vendor keeps in every workspace: names that start with `AzureML-` are reserved for it, in this case,
 * as its own clients ask for it.
 */
function isCurated(resource: Body): boolean {
  const isReserved = (textOf(resource['name']) ?? '').startsWith('AzureML-')
  return isReserved || propertiesOf(resource)['environmentType'] === 'Curated'
}
