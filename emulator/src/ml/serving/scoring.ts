import type { Plane } from '../../call.ts'
import { notImplemented, Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import { armError } from '../plane.ts'
import { endpointNamed } from './endpoints.ts'
import { SCORING_SUFFIX } from './kinds.ts'

/** The hosts at which endpoints are called. Nothing is served there yet: every call answers 501 by name. */
export function scoring(region: Region): Plane {
  const suffix = `.${region.name}.${SCORING_SUFFIX}`
  return {
    name: 'scoring',
    offers: [{ operation: 'score', method: '*', path: '/*', served: false }],
    serves: (host) => host.endsWith(suffix),
    authenticate: async () => ({ id: 'anonymous', audience: '' }),
    handle: async (call) => {
      const name = call.host.slice(0, -suffix.length)
      const endpoint = endpointNamed(region, name)
      if (endpoint === undefined)
        throw new Refusal(404, 'NotFound', `There is no endpoint '${name}' in ${region.name}.`)
      throw notImplemented(
        endpoint.type.endsWith('/batchEndpoints') ? 'scoring by batch endpoints' : 'scoring by online endpoints',
      )
    },
    refuse: armError,
  }
}
