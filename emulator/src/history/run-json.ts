import type { Region } from '../region.ts'
import { artifactBlob, artifactFolder, signedUrl } from './artifact-store.ts'
import { PLAIN_RUN } from './odata.ts'
import { type Experiment, isTerminal, type Run } from './run-types.ts'
import type { Runs } from './runs.ts'

/** A run as run history writes it (run-history.json, v1.0). */
export function runJson(runs: Runs, run: Run): Record<string, unknown> {
  return printed(runs, run, { parameters: runs.params(run), tags: runs.tags(run) })
}

/** Runs of a page, read with one query for parameters and one for tags. */
export function runsJson(runs: Runs, page: readonly Run[]): readonly Record<string, unknown>[] {
  const [parameters, tags] = [runs.pairs('params', page), runs.pairs('tags', page)]
  return page.map((run) =>
    printed(runs, run, { parameters: parameters.get(run.key) ?? {}, tags: tags.get(run.key) ?? {} }),
  )
}

function printed(
  runs: Runs,
  run: Run,
  held: { readonly parameters: object; readonly tags: object },
): Record<string, unknown> {
  const [root, parent] = [rootOf(runs, run), run.parent]
  return {
    inputs: null,
    outputs: null,
    inputDatasets: [],
    outputDatasets: [],
    error: null,
    warnings: null,
    ...run.details,
    runNumber: run.key,
    rootRunId: root,
    createdUtc: iso(run.created),
    createdBy: { userObjectId: run.user, userName: run.user },
    userId: run.user,
    revision: run.modified,
    statusRevision: 1,
    runUuid: run.id,
    parentRunUuid: parent,
    rootRunUuid: root,
    lastStartTimeUtc: iso(run.start),
    computeDuration: span(run),
    effectiveStartTimeUtc: iso(run.start),
    lastModifiedBy: { userObjectId: run.user, userName: run.user },
    lastModifiedUtc: iso(run.modified),
    duration: span(run),
    runId: run.id,
    parentRunId: parent,
    experimentId: run.experimentId,
    status: run.status,
    startTimeUtc: iso(run.start),
    endTimeUtc: iso(run.end),
    isVirtual: false,
    displayName: run.name,
    name: run.name,
    dataContainerId: `dcid.${run.id}`,
    description: run.details.description ?? null,
    hidden: run.stage === 'deleted',
    runType: run.details.runType ?? PLAIN_RUN,
    properties: run.properties,
    parameters: held.parameters,
    tags: held.tags,
    services: run.details['services'] ?? {},
    target: run.details.target ?? null,
  }
}

/** A run with its logs, as a client polls it while the run goes on. */
export function detailsJson(region: Region, run: Run): Record<string, unknown> {
  return { ...runJson(region.runs, run), createdTimeUtc: iso(run.created), logFiles: logsOf(region, run) }
}

const LOGS = /^(?:user_logs|system_logs|logs|azureml-logs)\//
const SAS_HOURS = 8

/** URLs of the run's log files by their paths, as `user_logs/std_log.txt`. */
function logsOf(region: Region, run: Run): Record<string, string> {
  const folder = artifactBlob(region, run.workspace, `${artifactFolder(run.id)}/`)
  const logs: Record<string, string> = {}
  for (const blob of region.blobs.list(folder.account, folder.container, { prefix: folder.name, limit: 2000 })) {
    const path = blob.name.slice(folder.name.length)
    if (LOGS.test(path)) logs[path] = signedUrl(region, blob, { permissions: 'r', hours: SAS_HOURS })
  }
  return logs
}

export function experimentJson(runs: Runs, experiment: Experiment): Record<string, unknown> {
  const { description, ...tags } = runs.experiments.tags(experiment)
  return {
    experimentId: experiment.id,
    name: experiment.name,
    description: description ?? '',
    createdUtc: iso(experiment.created),
    tags,
    archivedTime: experiment.stage === 'deleted' ? iso(experiment.updated) : null,
    retainForLifetimeOfWorkspace: false,
    artifactLocation: experiment.artifactLocation,
  }
}

function rootOf(runs: Runs, run: Run): string {
  let root = run
  for (let depth = 0; root.parent !== null && depth < 20; depth++) {
    const above = runs.get(run.workspace, root.parent)
    if (above === undefined) return root.parent
    root = above
  }
  return root.id
}

function iso(instant: number | null): string | null {
  return instant === null ? null : new Date(instant).toISOString()
}

/** Time between start and end in .NET's form, `hh:mm:ss.fff`; `null` while the run goes on. */
function span(run: Run): string | null {
  if (run.start === null || run.end === null || !isTerminal(run.status)) return null
  const milliseconds = Math.max(0, run.end - run.start)
  const [days, rest] = [Math.floor(milliseconds / 86_400_000), milliseconds % 86_400_000]
  const time = new Date(rest).toISOString().slice(11, 23)
  return days === 0 ? time : `${days}.${time}`
}
