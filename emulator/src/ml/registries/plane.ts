import { bearer } from '../../arm/authenticate.ts'
import type { Call, Plane, Reply } from '../../call.ts'
import { Outward } from '../../outward.ts'
import { Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import { offersOf, type Route } from '../../router.ts'
import { TENANT } from '../../tokens.ts'
import { unescaped } from '../../unescaped.ts'
import { DISCOVERY } from './discovery.ts'
import { registryNamed } from './registry-of.ts'

/** A host `…api.azureml.ms` of no region: there the front tells where a registry is. */
const EVERYWHERE = 'registries.api.azureml.ms'
const WHERE = /^\/+registrymanagement\/v1\.0\/registries\/([^/]+)\/discovery\/*$/i
const CALLS = /^\/+mferp\/managementfrontend(\/.*)$/i
const IN_REGISTRY = /\/registries\/([^/]+)/i

/**
 * The data plane by which clients reach registries: where one is, and its assets under ARM's own paths.
 *
 * `find` answers ARM's paths. A registry of another region is asked there, by way of the proxy.
 */
export function registryPlane(
  region: Region,
  routes: readonly Route[],
  parts: { find(call: Call): Promise<Reply>; readonly refuse: Plane['refuse'] },
): Plane {
  const outward = new Outward(region, {
    subject: `registries-${region.name}`,
    audience: 'https://management.azure.com',
  })
  region.closing.push(() => outward.close())
  const hosts = [`${region.name}.api.azureml.ms`, `cert-${region.name}.experiments.azureml.net`]

  async function handle(call: Call): Promise<Reply> {
    const asked = WHERE.exec(call.path)?.[1]
    if (asked !== undefined) {
      call.operation = 'registry_discovery'
      const here = described(region, asked)
      if (here !== undefined) return here
      if (call.host !== hosts[0]) throw notFound(asked)
      return passedOn(outward, call, `https://${EVERYWHERE}${call.target}`)
    }
    const name = IN_REGISTRY.exec(call.path)?.[1]
    if (name === undefined || registryNamed(region, unescaped(name)) !== undefined) {
      return named(await parts.find(call))
    }
    const host = await hostOf(outward, name)
    return passedOn(outward, call, `https://${host}${call.target}`)
  }

  return {
    name: 'registries',
    offers: [DISCOVERY, ...offersOf(routes.filter(([, path]) => IN_REGISTRY.test(path)))],
    serves: (host, path) => hosts.includes(host) && (CALLS.test(path) || WHERE.test(path)),
    authenticate: (call) => bearer(call, region.tokens),
    handle,
    refuse: parts.refuse,
  }
}

/** The path of a call as ARM has it. */
export function armPath(call: Call): string {
  return CALLS.exec(call.path)?.[1] ?? call.path
}

/** Where a registry of this region is; `undefined` where it is none of this region. */
function described(region: Region, name: string): Reply | undefined {
  const registry = registryNamed(region, unescaped(name))
  if (registry === undefined) return undefined
  const { regionDetails } = registry.body['properties'] as { regionDetails: readonly { location: string }[] }
  const regions = regionDetails.map(({ location }) => location)
  const [, , subscriptionId, , resourceGroup] = registry.id.split('/')
  const fqdns = regions.map((one) => [one, { uri: rootOf(one), registryFqdn: new URL(rootOf(one)).host }])
  return {
    status: 200,
    body: {
      registryName: registry.name,
      tenantId: TENANT,
      primaryRegion: region.name,
      regions,
      subscriptionId,
      resourceGroup,
      workspaceName: null,
      primaryRegionResourceProviderUri: rootOf(region.name),
      registryFqdns: Object.fromEntries(fqdns),
    },
  }
}

function rootOf(region: string): string {
  return `https://cert-${region}.experiments.azureml.net/`
}

/** Host of a registry's own region. */
async function hostOf(outward: Outward, name: string): Promise<string> {
  const url = `https://${EVERYWHERE}/registrymanagement/v1.0/registries/${name}/discovery`
  const answer = await sent(outward, { method: 'GET', url })
  const text = await answer.body.text()
  if (answer.statusCode === 404) throw notFound(name)
  if (answer.statusCode !== 200) throw away(name)
  return new URL((JSON.parse(text) as { primaryRegionResourceProviderUri: string }).primaryRegionResourceProviderUri)
    .host
}

/** The answer of another place as one's own. It has logged what it wrote. */
async function passedOn(outward: Outward, call: Call, url: string): Promise<Reply> {
  const method = call.method as 'GET' | 'PUT' | 'POST' | 'DELETE'
  const body = method === 'GET' ? undefined : await call.bytes()
  const { authorization = '', 'content-type': type = 'application/json' } = call.headers
  const answer = await sent(outward, { method, url, headers: { authorization, 'content-type': type }, body })
  const kept = ['azure-asyncoperation', 'location', 'retry-after', 'etag', 'content-type']
  const headers = kept.flatMap((header): [string, string][] => {
    const value = answer.headers[header]
    return typeof value === 'string' ? [[header, value]] : []
  })
  const text = await answer.body.text()
  const content = text === '' ? {} : { body: text }
  return { status: answer.statusCode, headers: Object.fromEntries(headers), unlogged: true, ...content }
}

async function sent(outward: Outward, request: Parameters<Outward['send']>[0]): ReturnType<Outward['send']> {
  try {
    return await outward.send(request)
  } catch {
    throw away(IN_REGISTRY.exec(request.url)?.[1] ?? '')
  }
}

function notFound(name: string): Refusal {
  return new Refusal(404, 'ResourceNotFound', `The registry '${name}' was not found.`)
}

function away(name: string): Refusal {
  return new Refusal(503, 'ServiceUnavailable', `The region of the registry '${name}' is not reachable.`)
}

/** An answer in which assets of registries have the ids that the data plane gives them. */
function named(reply: Reply): Reply {
  const body = reply.body as Readonly<Record<string, unknown>> | undefined
  if (typeof body !== 'object' || body === null || Buffer.isBuffer(body)) return reply
  const value = body['value']
  if (Array.isArray(value)) return { ...reply, body: { ...body, value: value.map(shown) } }
  return { ...reply, body: shown(body) }
}

function shown(body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { id } = body
  if (typeof id !== 'string') return body
  return { ...body, id: id.replace(/^\/subscriptions\/.*\/registries\/(?=[^/]+\/)/i, 'azureml://registries/') }
}
