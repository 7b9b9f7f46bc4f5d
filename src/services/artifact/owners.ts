import { createHash } from 'node:crypto'
import { address } from '../../core/model.ts'
import type { LoggedModel } from '../../mlflow/logged-models.ts'
import { isOpenRun, type TrackedRun } from '../../mlflow/tracking.ts'
import { type HistoryNames, isModel } from '../history-names.ts'
import { experimentNames, type HistoryAccess, type Resident, sharedModelId } from '../history-place.ts'
import type { ArtifactBody, Owner } from './schema.ts'

/** What has files: a run, or a logged model. */
export interface Shelf extends Owner {
  readonly root: string
  /** Still being written to. */
  readonly isOpen: boolean
  /** Digest of all that it shows. */
  readonly envelope: string
}

/** Status of a logged model whose files are still being written. */
const PENDING = 'LOGGED_MODEL_PENDING'

export function ownerOf(sharedId: string): 'run' | 'logged-model' {
  return isModel(sharedId) ? 'logged-model' : 'run'
}

/** Everything in a place that may have files. */
export async function* owners(history: HistoryAccess, names: HistoryNames, signal: AbortSignal): AsyncIterable<Shelf> {
  const { tracking, models, census } = history
  const experiments = await experimentNames(history, signal)
  const ids = [...experiments.keys()]
  if (ids.length === 0) return
  for await (const run of tracking.runs(ids, signal)) {
    const resident = census.byId(run.info.run_id)
    if (resident !== undefined) yield runShelf(resident, experiments.get(resident.experimentId) ?? '', run)
  }
  for await (const model of (await models.list(ids, signal)) ?? []) {
    names.learnModel(model)
    yield modelShelf(model, experiments.get(model.experimentId) ?? '')
  }
}

/** Where the files of an owner are that both sides know by this id; `undefined` while it is not here. */
export async function rootOf(names: HistoryNames, ownerId: string, signal: AbortSignal): Promise<string | undefined> {
  if (isModel(ownerId)) return (await names.modelOf(ownerId, signal))?.location
  return (await names.runOf(ownerId, signal))?.root
}

/** An owner by its name alone. */
export function ownerNamed({ experiment, owner }: Pick<ArtifactBody, 'experiment' | 'owner'>): Owner {
  return { experiment, id: owner, address: address(ownerOf(owner), experiment, owner) }
}

function runShelf({ sharedId, root }: Resident, experiment: string, run: TrackedRun): Shelf {
  const { info, params, tags, latest } = run
  return {
    experiment,
    id: sharedId,
    address: address('run', experiment, sharedId),
    root,
    isOpen: isOpenRun(run),
    envelope: digestOf([info, params, tags, latest]),
  }
}

function modelShelf(model: LoggedModel, experiment: string): Shelf {
  const id = sharedModelId(model)
  return {
    experiment,
    id,
    address: address('logged-model', experiment, id),
    root: model.location,
    isOpen: model.status === PENDING,
    envelope: digestOf(model),
  }
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}
