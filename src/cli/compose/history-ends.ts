import type { Azure } from '../../azure/open-azure.ts'
import { Fault } from '../../core/errors.ts'
import { census, counted } from '../../engine/history/census.ts'
import type { HistoryEnd, HistoryParts } from '../../engine/history/parts.ts'
import type { Artifacts } from '../../mlflow/artifacts.ts'
import { openFolder } from '../../mlflow/folder/folder.ts'
import { httpEvaluationDatasets } from '../../mlflow/http-evaluation-datasets.ts'
import { httpLoggedModels } from '../../mlflow/http-logged-models.ts'
import { httpRegistry } from '../../mlflow/http-registry.ts'
import { httpTraces } from '../../mlflow/http-traces.ts'
import { serverTracking } from '../../mlflow/http-tracking.ts'
import { firstOf } from '../../mlflow/local-artifacts.ts'
import { proxiedArtifacts } from '../../mlflow/proxied-artifacts.ts'
import type { Server } from '../../mlflow/server.ts'
import { experiments } from '../../services/experiment/index.ts'
import { placeOf, readNames } from '../../services/place.ts'
import { blobArtifacts, RUN_FILES } from '../../services/run/blob-artifacts.ts'
import { type RunAccess, runs } from '../../services/run/index.ts'
import { replicaOf, replicas } from '../../services/run/memory.ts'
import { type RunBody, sharedIdOf } from '../../services/run/schema.ts'
import type { Place } from '../../services/service.ts'
import { openSqliteResidents } from '../../store/sqlite-residents.ts'
import { openReach, sender } from './reach.ts'

/** An end of a copy and how runs are reached there. */
export interface OpenEnd {
  readonly end: HistoryEnd
  readonly access: RunAccess
}

/** MLflow's own server gives each run an id and a start of its choosing. */
export const OWN_IDS: Pick<RunAccess, 'createWithId' | 'setStart'> = {
  createWithId: () => Promise.resolve(false),
  setStart: () => Promise.resolve(false),
}

/** What of a tracking server is somewhere else. */
export interface Elsewhere {
  /** Reach files that it does not hand out itself. */
  readonly artifacts: readonly Artifacts[]
  /** The server that keeps its registered models. Default: itself. */
  readonly registry: Server | undefined
}

/** A tracking server. */
export function serverEnd(server: Server, elsewhere: Elsewhere): OpenEnd {
  const residents = census(sharedIdOf, openSqliteResidents())
  const tracking = counted(serverTracking(server.send), residents)
  const end = {
    name: server.uri,
    place: nowhere(server.uri),
    tracking,
    replicas: (ids: readonly string[], signal: AbortSignal) => replicas(tracking, ids, signal),
    find: (id: string, ids: readonly string[], signal: AbortSignal) => replicaOf(tracking, { id, in: ids }, signal),
    census: residents,
    artifacts: firstOf(proxiedArtifacts(server), ...elsewhere.artifacts),
    registry: httpRegistry((elsewhere.registry ?? server).send),
    models: httpLoggedModels(server.send),
    traces: httpTraces(server.send),
    evaluations: httpEvaluationDatasets(server.send),
  }
  return { end, access: { tracking, ...OWN_IDS } }
}

/** A folder on this machine. It keeps runs under the ids they have at their source. */
export async function openFolderEnd(path: string, side: 'source' | 'target'): Promise<OpenEnd> {
  const folder = await openFolder(path, side)
  const residents = census(sharedIdOf, openSqliteResidents())
  const tracking = counted(folder.tracking, residents)
  const { artifacts, registry, models, traces } = folder
  const found = (ids: readonly string[], signal: AbortSignal) => replicas(tracking, ids, signal)
  const find = (id: string, _: readonly string[], signal: AbortSignal) => tracking.run(id, signal)
  const parts = { tracking, replicas: found, find, census: residents, artifacts, registry, models, traces }
  const createWithId = async ({ experiment, id, name, user, start, status }: RunBody) => {
    const info = { experiment_id: experiment, run_name: name, user_id: user, start_time: start, status }
    await folder.tracking.createWithId(id, { ...info, status: status === 'SCHEDULED' ? status : 'RUNNING' })
    return true
  }
  const setStart = async ({ id, start }: RunBody) => {
    await folder.tracking.updateRun(id, { start_time: start }, AbortSignal.timeout(60_000))
    return true
  }
  return {
    end: { name: path, place: nowhere(path), ...parts },
    access: { tracking, createWithId, setStart, residents },
  }
}

/** A workspace by its ARM id. What it says of itself is carried as it is: a server has no other names for it. */
export async function openWorkspaceEnd(azure: Azure, id: string, signal: AbortSignal): Promise<OpenEnd> {
  const names = await readNames(azure.arm, id, { signal })
  if (names === undefined) {
    throw new Fault('usage/bad-argument', `There is no workspace ${id}`, { hint: 'Look at its id and your rights.' })
  }
  const place: Place = { ...placeOf(names), portable: (value) => value, local: (value) => value }
  const reach = openReach(azure)
  const access = reach.runsOf(place)
  const residents = census(sharedIdOf, openSqliteResidents())
  const tracking = counted(access.tracking, residents)
  const send = sender(azure, place)
  const end = {
    name: names.workspace,
    place,
    tracking,
    replicas: (ids: readonly string[], signal: AbortSignal) => replicas(tracking, ids, signal),
    find: (id: string, ids: readonly string[], signal: AbortSignal) => replicaOf(tracking, { id, in: ids }, signal),
    census: residents,
    artifacts: blobArtifacts(reach.blobs.container(place, RUN_FILES)),
    registry: httpRegistry(send),
    models: httpLoggedModels(send),
    traces: undefined,
  }
  return { end, access: { ...access, tracking } }
}

/** The services that carry between two ends. */
export function carriersOf(from: OpenEnd, to: OpenEnd): Pick<HistoryParts, 'experiments' | 'runs'> {
  const accessOf = (place: Place) => (place.workspace === to.end.place.workspace ? to.access : from.access)
  return { experiments: experiments((place) => accessOf(place).tracking), runs: runs(accessOf) }
}

/** A place that no region names: what is kept there says the same everywhere. */
export function nowhere(name: string): Place {
  return {
    workspace: name,
    location: '',
    workspaceGuid: '',
    storageAccount: '',
    portable: (value) => value,
    local: (value) => value,
  }
}
