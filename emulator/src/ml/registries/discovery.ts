import type { Offer } from '../../call.ts'

/** Where a registry is: asked before anything else, at any region's host. */
export const DISCOVERY: Offer = {
  operation: 'registry_discovery',
  method: 'GET',
  path: '/registrymanagement/v1.0/registries/:r/discovery',
  served: true,
}
