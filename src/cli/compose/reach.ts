import { ARM_AUDIENCE } from '../../azure/exchange.ts'
import type { Azure } from '../../azure/open-azure.ts'
import { azureAccount, type BlobAccount } from '../../blobs/azure.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { JsonObject } from '../../core/model.ts'
import { searchOf } from '../../mlflow/call.ts'
import { workspaceTracking } from '../../mlflow/http-tracking.ts'
import { readJson } from '../../mlflow/read-json.ts'
import type { Send } from '../../mlflow/tracking.ts'
import { type OpenOutput, openOutputs } from '../../services/job/outputs.ts'
import type { Access } from '../../services/registry.ts'
import { runHistory } from '../../services/run/run-history.ts'
import type { Place } from '../../services/service.ts'

/** How the services reach run history, blobs and checkpoints. */
export type OpenReach = Omit<Access, 'arm'>

/** Joins what reaches Azure to what the services ask for. Opens nothing before it is asked. */
export function openReach(azure: Azure): OpenReach {
  const outputs = openOutputs(azure.arm)
  const { leaveOut, leftOut } = oncePerReading(outputs)
  const container = containersOf(azure)
  const trackingOf = once((place: Place) => workspaceTracking(sender(azure, place)))
  return {
    trackingOf,
    runsOf: once((place: Place) => ({ tracking: trackingOf(place), ...runHistory(azure.exchange, place) })),
    blobs: {
      containers: (place, signal) => container.account(place).containers(signal),
      container: container.open,
      carriedElsewhere: async (place, signal) =>
        (await leaveOut(place, signal)).map(({ container: name, prefix, since }) => ({
          prefix: `${name}/${prefix}`,
          since,
        })),
      now: Date.now,
    },
    checkpoints: { container: container.open, openOutputs: outputs, leftOut, now: Date.now },
  }
}

type Outputs = (place: Place, signal: AbortSignal) => Promise<readonly OpenOutput[]>

/** One answer for both lists of a reading, which share its signal: that of blobs, which asks, and that of checkpoints. */
function oncePerReading(outputs: Outputs): {
  readonly leaveOut: Outputs
  leftOut(...of: Parameters<Outputs>): ReturnType<Outputs> | undefined
} {
  const answers = new WeakMap<AbortSignal, Map<string, ReturnType<Outputs>>>()
  return {
    leaveOut: (place, signal) => {
      const answer = outputs(place, signal)
      answers.set(signal, new Map(answers.get(signal)).set(place.workspace, answer))
      return answer
    },
    leftOut: ({ workspace }, signal) => {
      const those = answers.get(signal)
      const answer = those?.get(workspace)
      those?.delete(workspace)
      return answer
    },
  }
}

/** The containers of the default storage of each place, each opened once. */
function containersOf(azure: Azure) {
  const { tokens, transport } = azure
  const account = once(
    ({ storageAccount }: Place): BlobAccount =>
      azureAccount({ account: lastOf(storageAccount), credential: tokens.credential, transport }),
  )
  const opened = new Map<string, BlobStore>()
  function open(place: Place, name: string): BlobStore {
    const key = `${place.storageAccount.toLowerCase()}/${name}`
    const before = opened.get(key)
    if (before !== undefined) return before
    const store = account(place).container(name)
    opened.set(key, store)
    return store
  }
  return { account, open }
}

/** MLflow's API of a workspace, at the host of its region. */
export function sender(azure: Azure, { location, workspace }: Place): Send {
  const root = `https://${location}.api.azureml.ms/mlflow/v1.0${workspace}/api/2.0/mlflow`
  return async ({ method, path, query, body, signal, once: isOnce }) => {
    const { status, body: answer } = await azure.exchange({
      method,
      url: `${root}/${path}${searchOf(query)}`,
      signal,
      audience: ARM_AUDIENCE,
      parse: readJson,
      ...(body === undefined ? {} : { body }),
      ...(isOnce === undefined ? {} : { once: isOnce }),
    })
    return { status, body: typeof answer === 'object' && answer !== null ? (answer as JsonObject) : {} }
  }
}

/** What is made for a place is made once for its workspace. */
function once<T>(make: (place: Place) => T): (place: Place) => T {
  const made = new Map<string, T>()
  return (place) => {
    const key = place.workspace.toLowerCase()
    const before = made.get(key)
    if (before !== undefined) return before
    const value = make(place)
    made.set(key, value)
    return value
  }
}

function lastOf(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1)
}
