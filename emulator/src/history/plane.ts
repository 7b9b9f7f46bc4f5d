import { bearer } from '../arm/authenticate.ts'
import type { Call, Plane, Reply } from '../call.ts'
import type { Region } from '../region.ts'
import { gap, offersOf, router } from '../router.ts'
import { artifactRoutes } from './artifact-routes.ts'
import { assetUriRoutes } from './asset-uris.ts'
import { experimentRoutes } from './experiment-routes.ts'
import { metricRoutes } from './metric-routes.ts'
import { runRoutes } from './run-routes.ts'
import { isDataPlane } from './scope.ts'

const MINE = /^\/+(?:history|metric|artifact|data|modelregistry)\/v[\d.]+\//i

/** Run history, metrics, artifacts and asset locations: the data planes of a region's workspaces beside MLflow. */
export function history(region: Region): Plane {
  const routes = [
    ...runRoutes(region),
    ...experimentRoutes(region),
    ...metricRoutes(region),
    ...artifactRoutes(region),
    ...assetUriRoutes(region),
  ]
  return {
    name: 'history',
    offers: offersOf(routes),
    serves: (host, path) => isDataPlane(region, host) && MINE.test(path),
    authenticate: (call) => bearer(call, region.tokens),
    handle: router(routes, { unknown: gap }),
    refuse: (refusal, call) => errorJson(region, refusal, call),
  }
}

/** A refusal in the envelope of the workspace's services. */
function errorJson(region: Region, refusal: Parameters<Plane['refuse']>[0], call: Call): Reply {
  const { status, message, headers } = refusal
  const inner = status === 404 ? { code: 'NotFoundError', innerError: null } : null
  return {
    status,
    headers,
    body: {
      error: {
        code: status >= 500 ? 'ServiceError' : refusal.code,
        severity: null,
        message,
        messageFormat: null,
        messageParameters: null,
        referenceCode: null,
        detailsUri: null,
        target: null,
        details: [],
        innerError: inner,
        debugInfo: null,
        additionalInfo: null,
      },
      correlation: { operation: call.id, request: call.id },
      environment: region.name,
      location: region.name,
      time: region.clock.iso(),
      componentName: 'run-history',
    },
  }
}
