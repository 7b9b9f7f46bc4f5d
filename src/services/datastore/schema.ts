import type { Body } from '../../azure/arm.ts'
import type { JsonObject } from '../../core/model.ts'
import { objectOf, portableBody, propertiesOf, textOf, withProperties } from '../arm-body.ts'
import type { Place } from '../service.ts'

/**
 * Datastores that Azure makes with the workspace. Each side has its own, with its own account and keys: they are
 * the same thing on both sides, and are never written.
 */
const OWN = new Set(['workspaceblobstore', 'workspaceartifactstore', 'workspacefilestore', 'workspaceworkingdirectory'])

/** What is compared of Azure's own datastores: where they point to. */
const OF_OWN = new Set(['datastoreType', 'accountName', 'containerName', 'fileShareName'])

const SCHEMA = { readOnly: new Set(['isDefault', 'provisioningState']) }

export function isOwn(name: string): boolean {
  return OWN.has(name.toLowerCase())
}

/** The portable form. It never holds a secret: a GET gives none, and what looks like one is dropped. */
export function datastoreBody(place: Place, resource: Body): JsonObject {
  const body = portableBody(place, resource, SCHEMA)
  const properties = propertiesOf(body)
  if (isOwn(textOf(resource['name']) ?? '')) {
    return { properties: Object.fromEntries(Object.entries(properties).filter(([field]) => OF_OWN.has(field))) }
  }
  const { secrets: _, ...credentials } = objectOf(properties['credentials'])
  return withProperties(body, { credentials })
}

/** The type is fixed when a datastore is made; where it points to is not. */
export function frozenOf(body: JsonObject): JsonObject {
  const { datastoreType } = propertiesOf(body)
  return datastoreType === undefined ? {} : { datastoreType }
}
