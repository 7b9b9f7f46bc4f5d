import { bearer } from '../../arm/authenticate.ts'
import { queryOf } from '../../arm/envelope.ts'
import type { Plane } from '../../call.ts'
import { armError } from '../../ml/plane.ts'
import { Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import { offersOf, type Route, router, UNFINISHED } from '../../router.ts'
import { accountRoutes } from './accounts.ts'
import { containerRoutes } from './containers.ts'
import { GROUP, NAMESPACE, SUBSCRIPTION } from './paths.ts'
import { serviceRoutes } from './services.ts'

/** A path that goes on with another provider is about that provider's resource, which is attached to an account. */
const MINE = /^\/subscriptions\/[^/]+(\/resourcegroups\/[^/]+)?\/providers\/microsoft\.storage\/(?!.*\/providers\/)/i

/** The part of ARM that a region answers for Microsoft.Storage. */
export function storageAccounts(region: Region): Plane {
  const routes = [...accountRoutes(region), ...serviceRoutes(region), ...containerRoutes(region), ...unfinished()]
  const find = router(routes)
  return {
    name: 'arm',
    offers: offersOf(routes),
    serves: (host, path) => host === 'management.azure.com' && MINE.test(path),
    authenticate: (call) => bearer(call, region.tokens),
    handle: (call) => {
      if (queryOf(call, 'api-version') === undefined) {
        throw new Refusal(
          400,
          'MissingApiVersionParameter',
          'The api-version query parameter (?api-version=) is required for all requests.',
        )
      }
      return find(call)
    },
    refuse: armError,
  }
}

/** Every other path of the provider is a gap, named by what was asked. */
function unfinished(): Route[] {
  const methods = ['GET', 'PUT', 'POST', 'PATCH', 'DELETE', 'HEAD'] as const
  return methods.flatMap((method): Route[] => [
    [method, `${GROUP}/*`, `${NAMESPACE} ${method}`, UNFINISHED],
    [method, `${SUBSCRIPTION}/*`, `${NAMESPACE} ${method}`, UNFINISHED],
  ])
}
