import { bearer } from '../../arm/authenticate.ts'
import type { Plane } from '../../call.ts'
import { DISCOVERY } from '../../ml/registries/discovery.ts'
import { Refusal } from '../../refusal.ts'
import type { Tokens } from '../../tokens.ts'
import { unescaped } from '../../unescaped.ts'
import { FINDING_REGISTRIES } from '../hosts.ts'
import type { Reach } from '../reach.ts'
import type { Directory } from './directory.ts'
import { passedOn, relayed, watching } from './forwarded.ts'

const PATH = /^\/+registrymanagement\/v1\.0\/registries\/([^/]+)\/discovery\/*$/i

/**
 * Tells where a registry is, at the hosts for it that belong to no region of the emulator.
 *
 * azure-ai-ml asks at `eastus`, wherever a registry is. The answer is that of the registry's own region.
 */
export function registryDiscovery(parts: {
  readonly directory: Directory
  readonly reach: Reach
  readonly tokens: Tokens
}): Plane {
  const { directory, reach, tokens } = parts
  return {
    name: 'discovery',
    offers: [DISCOVERY],
    serves: (host, path) => FINDING_REGISTRIES.has(host) && PATH.test(path),
    authenticate: (call) => bearer(call, tokens),
    handle: async (call) => {
      const name = unescaped(PATH.exec(call.path)?.[1] ?? '')
      const region = directory.owner('mlRegistry', name)
      if (region === undefined) throw new Refusal(404, 'ResourceNotFound', `The registry '${name}' was not found.`)
      call.operation = 'registry_discovery'
      // At this host a region answers for its own registries alone, and asks nobody.
      const host = `cert-${region}.experiments.azureml.net`
      const { client, target } = call
      const headers = passedOn(call)
      return watching(call, async (signal) =>
        relayed(await reach.send(region, { method: 'GET', target, host, client, headers, signal }), 'GET'),
      )
    },
    refuse: ({ status, code, message, headers }) => ({ status, headers, body: { error: { code, message } } }),
  }
}
