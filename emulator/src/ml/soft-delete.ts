import { propertiesOf } from '../arm/envelope.ts'
import type { Resource } from '../arm/resources.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { typeOf } from './paths.ts'
import { Secrets } from './secrets.ts'

/** Days for which a deleted workspace can be had back (the vendor's page on soft delete of workspaces). */
const RETENTION_DAYS = 14
const DAY = 86_400_000
const ALL = Number.MAX_SAFE_INTEGER - 1

/** Removes a workspace with all that is in it, its run history too. Only inside a write. */
export function purge(region: Region, id: string): void {
  region.resources.removeTree(id)
  region.resources.removeHidden(id)
  new Secrets(region.db).removeBelow(id)
  region.runs.removeWorkspace(id)
}

/** What goes for good where a workspace is deleted softly, beside the jobs that had not ended (the same page). */
const GONE_AT_ONCE = ['computes', 'onlineEndpoints', 'batchEndpoints']

/**
 * Deletes a workspace so that it can be had back for a while.
 *
 * Computes, endpoints and the jobs `open`, by their ids, go at once and for good; assets, datastores, jobs that had
 * ended and run history wait. Hubs and projects know no soft delete: they are purged. Only inside a write.
 */
export function softDelete(region: Region, workspace: Resource, open: readonly string[] = []): void {
  if (/^(hub|project)$/i.test(String(workspace.body['kind']))) {
    purge(region, workspace.id)
    return
  }
  const secrets = new Secrets(region.db)
  for (const segment of GONE_AT_ONCE) {
    for (const { id } of region.resources.list(workspace.id, typeOf(segment), { limit: ALL }).items) {
      region.resources.removeTree(id)
      secrets.remove(id)
    }
  }
  for (const id of open) region.resources.remove(id)
  const properties = {
    ...propertiesOf(workspace.body),
    provisioningState: 'SoftDeleted',
    deletedAt: region.clock.iso(),
  }
  region.resources.put(workspace.id, { ...workspace.body, properties }, workspace.modifiedBy)
  region.resources.hide(workspace.id)
}

/**
 * Looks for a soft-deleted workspace under an id that is to be written.
 *
 * Brings it back and returns it where the body asks for that, refuses where it does not, and
 * forgets it after the retention. Only inside a write.
 */
export function recovered(region: Region, id: string, wanted: Readonly<Record<string, unknown>>): Resource | undefined {
  const hidden = region.resources.hidden(id)
  if (hidden === undefined) return undefined
  const { deletedAt, ...properties } = propertiesOf(hidden.body)
  if (region.clock.now() - Date.parse(String(deletedAt)) > RETENTION_DAYS * DAY) {
    purge(region, id)
    return undefined
  }
  if (wanted['allowRecoverSoftDeletedWorkspace'] !== true) {
    throw new Refusal(409, 'Conflict', 'Soft-deleted workspace exists. Please purge or recover it.')
  }
  region.resources.show(id)
  return region.resources.put(id, { ...hidden.body, properties }, hidden.modifiedBy)
}
