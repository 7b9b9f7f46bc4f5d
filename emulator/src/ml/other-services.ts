import { bearer } from '../arm/authenticate.ts'
import type { Plane } from '../call.ts'
import type { Region } from '../region.ts'
import { gap } from '../router.ts'
import { armError } from './plane.ts'

/** Hosts of a region's workspaces. */
const HOSTS = /\.(?:azureml\.ms|azureml\.net|notebooks\.azure\.net)$/

/** The services of a region's workspaces that are not played, as pipelines, indexes and notebooks: 501, which names what was asked. */
export function otherServices(region: Region): Plane {
  return {
    name: 'other-services',
    offers: [{ operation: 'other services of a workspace', method: '*', path: '/*', served: false }],
    serves: (host) => HOSTS.test(host),
    authenticate: (call) => bearer(call, region.tokens),
    handle: (call) => Promise.reject(gap(call)),
    refuse: armError,
  }
}
