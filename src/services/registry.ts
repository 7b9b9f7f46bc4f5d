import type { Arm } from '../azure/arm.ts'
import type { Tracking } from '../mlflow/tracking.ts'
import { artifacts } from './artifact/index.ts'
import { type BlobAccess, blobs } from './blob/index.ts'
import { type CheckpointAccess, checkpoints } from './checkpoint/index.ts'
import { codes } from './code/index.ts'
import { components } from './component/index.ts'
import { computes } from './compute/index.ts'
import { dataAssets } from './data/index.ts'
import { datastores } from './datastore/index.ts'
import { environments } from './environment/index.ts'
import { evaluationDatasets } from './evaluation-dataset/index.ts'
import { experiments } from './experiment/index.ts'
import { openHistories } from './history-names.ts'
import type { HistoryAccess } from './history-place.ts'
import { jobs } from './job/index.ts'
import { loggedModels } from './logged-model/index.ts'
import { models } from './model/index.ts'
import { modelAliases } from './model-alias/index.ts'
import { modelLinks } from './model-link/index.ts'
import { modelVersions } from './model-version/index.ts'
import { registeredModels } from './registered-model/index.ts'
import { type RunAccess, runs } from './run/index.ts'
import { schedules } from './schedule/index.ts'
import type { Place, Service } from './service.ts'
import { traces } from './trace/index.ts'
import { traceLinks } from './trace-link/index.ts'
import { workspaces } from './workspace/index.ts'

/** How services reach what they carry. */
export interface Access {
  readonly arm: Arm
  readonly blobs: BlobAccess
  readonly checkpoints: CheckpointAccess
  trackingOf(place: Place): Tracking
  runsOf(place: Place): RunAccess
}

/** Every kind that Holdfast carries, those first that others need. */
export function registry(access: Access): readonly Service[] {
  const { arm } = access
  return [
    workspaces(arm),
    blobs(access.blobs),
    datastores(arm),
    computes(arm),
    environments(arm),
    codes(arm),
    dataAssets(arm),
    models(arm),
    components(arm),
    schedules(arm),
    jobs(arm),
    checkpoints(access.checkpoints),
    experiments(access.trackingOf),
    runs(access.runsOf),
  ]
}

/** How the services of a tracking server reach it. */
export interface ServerAccess {
  runsOf(place: Place): RunAccess
  historyOf(place: Place): HistoryAccess
}

/** Every kind that a tracking server of MLflow keeps, those first that others need. */
export function serverRegistry({ runsOf, historyOf }: ServerAccess): readonly Service[] {
  const histories = openHistories(historyOf)
  return [
    experiments((place) => runsOf(place).tracking),
    runs(runsOf),
    loggedModels(histories),
    modelLinks(histories),
    artifacts(histories),
    traces(histories),
    traceLinks(histories),
    evaluationDatasets(histories),
    registeredModels(histories),
    modelVersions(histories),
    modelAliases(histories),
  ]
}
