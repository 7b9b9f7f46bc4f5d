import type { Arm, Body } from '../../azure/arm.ts'
import type { JsonObject } from '../../core/model.ts'
import { filledIn, hasExpression } from '../../core/portable.ts'
import { ML_API, objectOf, propertiesOf, textOf } from '../arm-body.ts'
import type { Place } from '../service.ts'
import { openJobs } from './index.ts'

/** An output that persists while its job runs, and where in the workspace's default storage it lies. */
export interface OpenOutput {
  readonly job: string
  readonly output: string
  readonly container: string
  /** Ends in a slash. */
  readonly prefix: string
  /** When the job was submitted: what is older was there before it. Milliseconds since 1970. */
  readonly since: number
}

const IN_DATASTORE = /^azureml:\/\/(?:subscriptions\/.+?\/)?datastores\/([^/]+)\/paths\/(.+)$/i

/** Modes in which bytes are in the storage before the job ends; in `Upload` they are not. */
const PERSISTING = new Set(['readwritemount', 'direct'])

/**
 * The outputs of jobs that are queued or running which lie in the workspace's own storage: where checkpoints are.
 * The default output holds logs; whoever resubmits a job starts a log of its own.
 */
export function openOutputs(arm: Arm): (place: Place, signal: AbortSignal) => Promise<readonly OpenOutput[]> {
  return async (place, signal) => {
    const found: OpenOutput[] = []
    const defaultDatastore = once(() => defaultOf(place, signal))
    const containers = new Map<string, string | undefined>()
    for await (const job of openJobs(arm, place, signal)) {
      const name = textOf(job['name']) ?? ''
      const since = Date.parse(textOf(objectOf(job['systemData'])['createdAt']) ?? '') || 0
      for (const [output, value] of Object.entries(objectOf(propertiesOf(job)['outputs']))) {
        if (output === 'default') continue
        const uri = await filled({ job, output, defaultDatastore }, textOf(objectOf(value)['uri']))
        const path = pathIn(objectOf(value), { uri, usual: `azureml/${name}/${output}/` })
        if (path === undefined) continue
        if (!containers.has(path.datastore)) {
          containers.set(path.datastore, await ownContainer(place, path.datastore, signal))
        }
        const container = containers.get(path.datastore)
        if (container !== undefined) found.push({ job: name, output, container, prefix: path.prefix, since })
      }
    }
    return found
  }

  /** The container behind a datastore, where it is in the workspace's default storage. */
  async function ownContainer(place: Place, datastore: string, signal: AbortSignal): Promise<string | undefined> {
    const found = await arm.get(`${place.workspace}/datastores/${datastore}`, { signal, apiVersion: ML_API })
    const { accountName, containerName } = propertiesOf(found ?? {})
    const account = place.storageAccount.slice(place.storageAccount.lastIndexOf('/') + 1)
    const isOwn = textOf(accountName)?.toLowerCase() === account.toLowerCase()
    return isOwn ? textOf(containerName) : undefined
  }

  async function defaultOf(place: Place, signal: AbortSignal): Promise<string | undefined> {
    const listing = { signal, apiVersion: ML_API, query: { isDefault: 'true' } }
    const [first] = await Array.fromAsync(arm.pages(`${place.workspace}/datastores`, listing))
    return textOf(first?.['name'])
  }
}

interface Filling {
  readonly job: Body
  readonly output: string
  readonly defaultDatastore: () => Promise<string | undefined>
}

/** The place of an output as it is where the job runs: Azure shows it as it was written. */
async function filled(
  { job, output, defaultDatastore }: Filling,
  uri: string | undefined,
): Promise<string | undefined> {
  if (uri === undefined || !hasExpression(uri)) return uri
  const { jobType, settings } = propertiesOf(job)
  const datastore = textOf(objectOf(settings)['default_datastore'])?.split(/[/:]/).at(-1) ?? (await defaultDatastore())
  // In a pipeline the name is that of the step which writes the output.
  const name = jobType === 'Pipeline' ? undefined : textOf(job['name'])
  return filledIn(uri, {
    output_name: output,
    ...(name === undefined ? {} : { name }),
    ...(datastore === undefined ? {} : { default_datastore: datastore }),
  })
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  return () => {
    answer ??= ask()
    return answer
  }
}

/** Where an output lies; one without a path of its own lies where Azure puts it. */
function pathIn(
  output: JsonObject,
  { uri, usual }: { readonly uri: string | undefined; readonly usual: string },
): { readonly datastore: string; readonly prefix: string } | undefined {
  if (!PERSISTING.has(String(output['mode'] ?? 'ReadWriteMount').toLowerCase())) return undefined
  if (uri === undefined) return { datastore: 'workspaceblobstore', prefix: usual }
  const [, datastore, path] = IN_DATASTORE.exec(uri) ?? []
  if (datastore === undefined || path === undefined || hasExpression(uri)) return undefined
  return { datastore, prefix: path.endsWith('/') ? path : `${path}/` }
}
