import { armThing } from './arm-things.ts'
import type { Desk, ThingKind } from './thing.ts'

const LONGEST_TAG = 2000

type Properties = Readonly<Record<string, unknown>>

/** Something in a workspace whose properties carry a text under one name. */
function inWorkspace(
  name: string,
  segment: string,
  more: {
    readonly text?: string
    readonly properties: (text: string, desk: Desk) => Properties
    readonly around?: (desk: Desk, text: string) => Properties
    readonly removal?: string
    readonly buries?: boolean
  },
): ThingKind {
  return armThing({
    name,
    path: (desk) => `${desk.site.workspace}/${segment.replace('*', desk.name)}`,
    body: (text, desk) => ({ ...more.around?.(desk, text), properties: more.properties(text, desk) }),
    text: more.text ?? 'properties.description',
    longest: LONGEST_TAG,
    removal: more.removal ?? '',
    buries: more.buries ?? false,
  })
}

/** A version of an asset: what it is stays, its description changes. */
function version(segment: string, fixed: (desk: Desk) => Properties): ThingKind {
  return inWorkspace(`${segment} version`, `${segment}/asset/versions/*`, {
    properties: (description, desk) => ({ description, ...fixed(desk) }),
    buries: true,
  })
}

const container = (segment: string): ThingKind =>
  inWorkspace(`${segment} container`, `${segment}/c-*`, { properties: (description) => ({ description }) })

const located = ({ site }: Desk) => ({ location: site.region })
const STORE = 'azureml://datastores/workspaceblobstore/paths'

function command({ site }: Desk): Properties {
  return {
    jobType: 'Command',
    command: 'echo never runs',
    environmentId: `${site.workspace}/environments/base/versions/1`,
    computeId: `${site.workspace}/computes/cluster`,
    experimentName: 'chaos-jobs',
  }
}

/** What lives in a workspace. */
export const WORKSPACE_THINGS: readonly ThingKind[] = [
  inWorkspace('datastore', 'datastores/d_*', {
    properties: (description) => ({
      description,
      datastoreType: 'AzureBlob',
      accountName: 'elsewhere',
      containerName: 'data',
      credentials: { credentialsType: 'None' },
    }),
  }),
  inWorkspace('connection', 'connections/n-*', {
    text: 'properties.metadata.mark',
    properties: (mark) => ({
      category: 'PythonFeed',
      authType: 'PAT',
      target: 'https://feed',
      credentials: { pat: 'a secret' },
      metadata: { mark },
    }),
  }),
  inWorkspace('compute', 'computes/c-*', {
    text: 'tags.mark',
    around: (desk, mark) => ({ ...located(desk), tags: { mark } }),
    properties: () => ({
      computeType: 'AmlCompute',
      properties: { vmSize: 'STANDARD_DS1_V2', scaleSettings: { minNodeCount: 0, maxNodeCount: 1 } },
    }),
    removal: '&underlyingResourceAction=Delete',
  }),
  inWorkspace('online endpoint', 'onlineEndpoints/e-*', {
    around: located,
    properties: (description) => ({ authMode: 'Key', description }),
  }),
  inWorkspace('batch endpoint', 'batchEndpoints/b-*', {
    around: located,
    properties: (description) => ({ authMode: 'AADToken', description }),
  }),
  inWorkspace('schedule', 'schedules/s-*', {
    properties: (description, desk) => ({
      description,
      trigger: { triggerType: 'Cron', expression: '0 3 1 1 *', timeZone: 'UTC' },
      action: { actionType: 'CreateJob', jobDefinition: command(desk) },
    }),
  }),
  // A job that waits for a node that never comes. It cannot be removed before it has ended.
  armThing({
    name: 'job',
    path: ({ site, name }) => `${site.workspace}/jobs/j-${name}`,
    body: (description, desk) => ({ properties: { ...command(desk), description } }),
    text: 'properties.description',
    longest: LONGEST_TAG,
  }),
  ...['codes', 'environments', 'data', 'models', 'components'].map(container),
  version('environments', () => ({ image: 'python' })),
  version('data', ({ name }) => ({ dataType: 'uri_folder', dataUri: `${STORE}/${name}` })),
  version('models', ({ name }) => ({ modelType: 'custom_model', modelUri: `${STORE}/${name}` })),
  version('components', ({ site, name }) => ({
    componentSpec: {
      name: 'asset',
      version: name,
      type: 'command',
      command: 'echo',
      environment: `azureml:${site.workspace}/environments/base/versions/1`,
    },
  })),
  version('codes', ({ site, name }) => ({
    codeUri: `https://${site.account}.blob.core.windows.net/azureml/code/${name}`,
  })),
]
