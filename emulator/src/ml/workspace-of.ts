import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'

/** What the parts of a region need to know of a workspace. */
export interface Workspace {
  /** ARM id as the workspace was first written. */
  readonly id: string
  readonly name: string
  /** GUID that Azure gives at creation; it is part of container names. */
  readonly workspaceId: string
  /** Name of the default storage account. */
  readonly storageAccount: string
  /** ARM id of the default storage account. */
  readonly storageAccountId: string
  /** Container of `workspaceblobstore`. */
  readonly blobContainer: string
  /** Container of `workspaceartifactstore`: run artifacts and logs. */
  readonly artifactContainer: string
}

/** The workspace with this ARM id, whatever its case, or Azure's 404. */
export function workspaceOf(region: Region, armId: string): Workspace {
  const found = region.resources.get(armId)
  if (found === undefined) {
    throw new Refusal(404, 'ResourceNotFound', `The workspace '${armId}' was not found in ${region.name}.`)
  }
  const properties = found.body['properties'] as { readonly workspaceId: string; readonly storageAccount: string }
  return {
    id: found.id,
    name: found.name,
    workspaceId: properties.workspaceId,
    storageAccount: properties.storageAccount.split('/').at(-1) ?? '',
    storageAccountId: properties.storageAccount,
    blobContainer: `azureml-blobstore-${properties.workspaceId}`,
    artifactContainer: 'azureml',
  }
}
