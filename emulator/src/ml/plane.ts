import { bearer } from '../arm/authenticate.ts'
import { queryOf } from '../arm/envelope.ts'
import { providerOf } from '../arm/provider-of.ts'
import type { Call, Plane, Reply } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { gap, offersOf, type Route, router } from '../router.ts'
import { assetRoutes, assetRoutesIn } from './assets.ts'
import { capacityRoutes } from './capacity.ts'
import { computeRoutes } from './computes.ts'
import { connectionRoutes } from './connections.ts'
import { datastoreRoutes } from './datastores.ts'
import { jobRoutes } from './jobs.ts'
import { NAMESPACE } from './paths.ts'
import { pollingRoutes } from './polling.ts'
import { importRoutes } from './registries/import.ts'
import { armPath, registryPlane } from './registries/plane.ts'
import { registryRoutes } from './registries/registries.ts'
import { registryDataRoutes } from './registries/registry-data.ts'
import { REGISTRY_ASSETS } from './registries/registry-of.ts'
import { scheduleRoutes } from './schedules.ts'
import { endpointRoutes } from './serving/endpoints.ts'
import { unfinishedRoutes } from './unfinished.ts'
import { workspaceRoutes } from './workspaces.ts'

const MINE = NAMESPACE.toLowerCase()

/** What a region answers for Microsoft.MachineLearningServices: its part of ARM, and ARM's paths on the data plane. */
export function machineLearning(region: Region): readonly Plane[] {
  const routes = routesOf(region)
  const find = router(routes, { pathOf: armPath, unknown: gap })
  const answer = (call: Call) => {
    needVersion(call)
    return find(call)
  }
  const arm: Plane = {
    name: 'arm',
    offers: offersOf(routes),
    serves: (host, path) => host === 'management.azure.com' && providerOf(path) === MINE,
    authenticate: (call) => bearer(call, region.tokens),
    handle: answer,
    refuse: armError,
  }
  return [arm, registryPlane(region, routes, { find: answer, refuse: armError })]
}

/** Every operation, one table per group of the vendor's spec. */
function routesOf(region: Region): readonly Route[] {
  const done = [
    ...pollingRoutes(region),
    ...workspaceRoutes(region),
    ...computeRoutes(region),
    ...capacityRoutes(region),
    ...datastoreRoutes(region),
    ...connectionRoutes(region),
    ...assetRoutes(region),
    ...jobRoutes(region),
    ...scheduleRoutes(region),
    ...endpointRoutes(region),
    ...registryRoutes(region),
    ...assetRoutesIn(region, REGISTRY_ASSETS),
    ...registryDataRoutes(region),
    ...importRoutes(region),
  ]
  return [...done, ...unfinishedRoutes(done)]
}

const VERSION = /^\d{4}-\d{2}-\d{2}(-[a-z]+)?$/i

/** Any version is taken, since clients of many years call, and all of them the same resources; none is not. */
function needVersion(call: Call): void {
  const version = queryOf(call, 'api-version')
  if (version !== undefined && !VERSION.test(version)) {
    throw new Refusal(400, 'InvalidApiVersionParameter', `The api-version '${version}' is invalid.`)
  }
  if (version === undefined) {
    throw new Refusal(
      400,
      'MissingApiVersionParameter',
      'The api-version query parameter (?api-version=) is required for all requests.',
    )
  }
}

/** A refusal in ARM's envelope. */
export function armError(
  refusal: Error & { status: number; code: string; headers: Readonly<Record<string, string>> },
): Reply {
  const { status, code, message, headers } = refusal
  return { status, headers, body: { error: { code, message, target: null, details: [], additionalInfo: [] } } }
}
