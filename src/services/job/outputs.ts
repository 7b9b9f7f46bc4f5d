import type { Arm } from '../../azure/arm.ts'
import type { JsonObject } from '../../core/model.ts'
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
    const containers = new Map<string, string | undefined>()
    for await (const job of openJobs(arm, place, signal)) {
      const name = textOf(job['name']) ?? ''
      const since = Date.parse(textOf(objectOf(job['systemData'])['createdAt']) ?? '') || 0
      for (const [output, value] of Object.entries(objectOf(propertiesOf(job)['outputs']))) {
        const path = output === 'default' ? undefined : pathIn(objectOf(value), `azureml/${name}/${output}/`)
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
}

/** Where an output lies; one without a path of its own lies where Azure puts it. */
function pathIn(
  output: JsonObject,
  usual: string,
): { readonly datastore: string; readonly prefix: string } | undefined {
  if (!PERSISTING.has(String(output['mode'] ?? 'ReadWriteMount').toLowerCase())) return undefined
  const uri = textOf(output['uri'])
  if (uri === undefined) return { datastore: 'workspaceblobstore', prefix: usual }
  const [, datastore, path] = IN_DATASTORE.exec(uri) ?? []
  if (datastore === undefined || path === undefined) return undefined
  return { datastore, prefix: path.endsWith('/') ? path : `${path}/` }
}
