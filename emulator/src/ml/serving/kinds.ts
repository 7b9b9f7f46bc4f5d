import { objectOf, propertiesOf } from '../../arm/envelope.ts'
import type { Resource } from '../../arm/resources.ts'
import { Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import { needAssets } from './asset-checks.ts'
import { mirrorOf, trafficOf } from './traffic.ts'

export type Values = Readonly<Record<string, unknown>>

/** What differs between endpoints that answer at once and those that work through batches. */
export interface Kind {
  readonly segment: 'onlineEndpoints' | 'batchEndpoints'
  /** Of its endpoints' operations in the vendor's spec, and of its deployments'. */
  readonly operation: { readonly endpoint: string; readonly deployment: string }
  /** Properties of an endpoint as they are kept; refuses those that cannot be. */
  endpoint(region: Region, wanted: Wanted): Values
  /** Properties of a deployment as they are kept; refuses those that cannot be. */
  deployment(region: Region, wanted: Wanted): Values
  /** `sku` of a deployment that names none. */
  readonly sku: Values | undefined
}

/** An endpoint or a deployment as it is asked for. */
export interface Wanted {
  /** ARM id. */
  readonly id: string
  readonly sent: Values
  readonly found: Resource | undefined
}

/** Where an endpoint is called: `{endpoint}.{region}.inference.ml.azure.com`. */
export const SCORING_SUFFIX = 'inference.ml.azure.com'

export const ONLINE: Kind = {
  segment: 'onlineEndpoints',
  operation: { endpoint: 'online_endpoints', deployment: 'online_deployments' },
  endpoint: onlineEndpoint,
  deployment: onlineDeployment,
  sku: { name: 'Default', tier: 'Standard', capacity: 1 },
}

export const BATCH: Kind = {
  segment: 'batchEndpoints',
  operation: { endpoint: 'batch_endpoints', deployment: 'batch_deployments' },
  endpoint: batchEndpoint,
  deployment: batchDeployment,
  sku: undefined,
}

const AUTH_MODES = ['Key', 'AMLToken', 'AADToken']

function onlineEndpoint(region: Region, { id, sent, found }: Wanted): Values {
  const authMode = oneOf('authMode', sent['authMode'], AUTH_MODES)
  const host = `${id.split('/').at(-1)}.${region.name}.${SCORING_SUFFIX}`
  return {
    ...sharedOf(id, sent),
    publicNetworkAccess: sent['publicNetworkAccess'] ?? 'Enabled',
    compute: sent['compute'] ?? null,
    authMode,
    scoringUri: `https://${host}/score`,
    swaggerUri: `https://${host}/swagger.json`,
    traffic: trafficOf(region, id, sent['traffic'] ?? propertiesIn(found)['traffic']),
    mirrorTraffic: mirrorOf(region, id, {
      traffic: sent['traffic'] ?? propertiesIn(found)['traffic'],
      mirrorTraffic: sent['mirrorTraffic'] ?? propertiesIn(found)['mirrorTraffic'],
    }),
  }
}

/** Batch endpoints know callers by their Entra tokens alone. */
function batchEndpoint(region: Region, { id, sent }: Wanted): Values {
  const defaults = sent['defaults'] == null ? {} : objectOf(sent['defaults'], "The field 'properties.defaults'")
  const name = defaults['deploymentName']
  if (typeof name === 'string' && name !== '' && region.resources.get(`${id}/deployments/${name}`) === undefined) {
    throw invalid(`The default deployment '${name}' is not a deployment of the endpoint '${id.split('/').at(-1)}'.`)
  }
  return {
    ...sharedOf(id, sent),
    authMode: oneOf('authMode', sent['authMode'] ?? 'AADToken', ['AADToken']),
    scoringUri: `https://${id.split('/').at(-1)}.${region.name}.${SCORING_SUFFIX}/jobs`,
    swaggerUri: null,
    defaults,
  }
}

function onlineDeployment(region: Region, { id, sent, found }: Wanted): Values {
  const held = propertiesIn(found)
  const computeType = oneOf('endpointComputeType', sent['endpointComputeType'], [
    'Managed',
    'Kubernetes',
    'AzureMLCompute',
  ])
  const instanceType = sent['instanceType'] ?? held['instanceType']
  if (computeType === 'Managed' && typeof instanceType !== 'string') {
    throw invalid("The field 'properties.instanceType' is required for a managed deployment.")
  }
  for (const [field, value] of Object.entries({ endpointComputeType: computeType, instanceType })) {
    const before = held[field]
    if (before !== undefined && String(before).toLowerCase() !== String(value).toLowerCase()) {
      throw invalid(`The field 'properties.${field}' of a deployment cannot be changed from '${before}' to '${value}'.`)
    }
  }
  needAssets(region, id, { ...sent, model: sent['model'] })
  return {
    appInsightsEnabled: false,
    egressPublicNetworkAccess: 'Enabled',
    modelMountPath: null,
    livenessProbe: PROBE,
    readinessProbe: PROBE,
    requestSettings: { requestTimeout: 'PT5S', maxConcurrentRequestsPerInstance: 1, maxQueueWait: 'PT0.5S' },
    ...deploymentOf(sent),
    ...collectorOf(sent),
    endpointComputeType: computeType,
    instanceType: instanceType ?? null,
    // Clients break off where it is missing.
    scaleSettings: sent['scaleSettings'] ?? { scaleType: 'Default' },
  }
}

/** `dataCollector` with its modes in the spelling of the vendor's spec, whatever their case was: clients compare it. */
function collectorOf(sent: Values): Values {
  if (sent['dataCollector'] == null) return {}
  const collector = objectOf(sent['dataCollector'], "The field 'properties.dataCollector'")
  const collections = objectOf(collector['collections'], "The field 'properties.dataCollector.collections'")
  const named = Object.entries(collections).map(([name, value]) => {
    const field = `dataCollector.collections.${name}`
    const collection = objectOf(value, `The field 'properties.${field}'`)
    const mode = collection['dataCollectionMode']
    if (mode == null) return [name, collection]
    const dataCollectionMode = oneOf(`${field}.dataCollectionMode`, mode, ['Enabled', 'Disabled'])
    return [name, { ...collection, dataCollectionMode }]
  })
  return { dataCollector: { ...collector, collections: Object.fromEntries(named) } }
}

/** Defaults of the vendor's spec for probes. */
const PROBE = { failureThreshold: 30, successThreshold: 1, timeout: 'PT2S', period: 'PT10S', initialDelay: 'PT10S' }

function batchDeployment(region: Region, { id, sent }: Wanted): Values {
  const model = sent['model'] as Values | null | undefined
  const reference = model?.['assetId'] ?? model?.['path']
  const component = (sent['deploymentConfiguration'] as Values | null | undefined)?.['componentId'] as
    | Values
    | undefined
  needAssets(region, id, { ...sent, model: reference, component: component?.['assetId'] })
  const compute = sent['compute']
  if (typeof compute === 'string' && compute.startsWith('/') && region.resources.get(compute) === undefined) {
    throw invalid(`The compute '${compute.split('/').at(-1)}' was not found.`)
  }
  return {
    errorThreshold: -1,
    loggingLevel: 'Info',
    maxConcurrencyPerInstance: 1,
    miniBatchSize: 10,
    outputAction: 'AppendRow',
    outputFileName: 'predictions.csv',
    retrySettings: { maxRetries: 3, timeout: 'PT30S' },
    resources: { instanceCount: 1 },
    ...deploymentOf(sent),
  }
}

function sharedOf(id: string, sent: Values): Values {
  const { keys: _secret, ...rest } = sent
  const properties = { ...(sent['properties'] as Values | null | undefined), 'azureml.endpointid': id }
  return { description: null, ...rest, properties, keys: null }
}

function deploymentOf(sent: Values): Values {
  const given = Object.fromEntries(Object.entries(sent).filter(([, value]) => value != null))
  return {
    description: null,
    environmentVariables: {},
    codeConfiguration: null,
    environmentId: null,
    model: null,
    ...given,
    properties: { ...(sent['properties'] as Values | null | undefined) },
  }
}

/** Stored properties of a resource, as an object. */
export function propertiesIn(found: Resource | undefined): Values {
  return found === undefined ? {} : propertiesOf(found.body)
}

export function invalid(message: string): Refusal {
  return new Refusal(400, 'UserError', message)
}

function oneOf(field: string, value: unknown, known: readonly string[]): string {
  const found = known.find((one) => one.toLowerCase() === String(value).toLowerCase())
  if (found !== undefined) return found
  throw invalid(`The field 'properties.${field}' is '${value}'; here it is one of ${known.join(', ')}.`)
}
