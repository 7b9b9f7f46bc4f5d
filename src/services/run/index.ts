import { createHash } from 'node:crypto'
import { Fault } from '../../core/errors.ts'
import { type Address, type Item, segmentsOf } from '../../core/model.ts'
import type { Point, TrackedRun, Tracking } from '../../mlflow/tracking.ts'
import type { Carriage, Place, Reach, Service } from '../service.ts'
import {
  digestOfPoints,
  isOpen,
  isOpenBody,
  type MetricDigest,
  missingPoints,
  type RunBody,
  runBody,
  runItem,
  SOURCE_RUN,
} from './schema.ts'

/** How runs are reached in one place. */
export interface RunAccess {
  readonly tracking: Tracking
  /**
   * Creates a run under the id it has at its source, where the server lets a client choose: true if it did.
   * Found out by trying and reading back, never assumed.
   */
  createWithId(run: RunBody, signal: AbortSignal): Promise<boolean>
}

/** The digests of a run's metrics as they were at one reading, and its points while it is open. */
interface Known {
  readonly envelope: string
  readonly metrics: Readonly<Record<string, MetricDigest>>
  /** Only of open runs: the closed ones can be read again and will be the same. */
  readonly points?: readonly Point[]
}

/** Runs of the history with every metric point. See ./readme.md. */
export function runs(accessOf: (place: Place) => RunAccess): Service {
  /** Closed runs are read once: what is known of them is keyed by place, run and everything but its points. */
  const known = new Map<string, Known>()

  async function* list(place: Place, { signal }: Reach): AsyncIterable<Item> {
    const { tracking } = accessOf(place)
    const names = new Map<string, string>()
    for await (const experiment of tracking.experiments(signal)) names.set(experiment.id, experiment.name)
    if (names.size === 0) return
    for await (const run of tracking.runs([...names.keys()], signal)) {
      yield await itemOf(place, names.get(run.info.experiment_id) ?? run.info.experiment_id, run, signal)
    }
  }

  async function read(place: Place, of: Address, { signal }: Reach): Promise<Item | undefined> {
    const [experiment = '', id = ''] = segmentsOf(of)
    const run = await find(place, experiment, id, signal)
    return run === undefined ? undefined : itemOf(place, experiment, run, signal)
  }

  async function itemOf(place: Place, experiment: string, run: TrackedRun, signal: AbortSignal): Promise<Item> {
    const key = `${place.workspace.toLowerCase()} ${run.info.run_id}`
    const envelope = envelopeOf(run)
    const before = known.get(key)
    const now = before?.envelope === envelope && !isOpen(run) ? before : await look(place, run, envelope, signal)
    known.set(key, now)
    return runItem(place, { experiment, run, metrics: now.metrics })
  }

  async function look(place: Place, run: TrackedRun, envelope: string, signal: AbortSignal): Promise<Known> {
    const metrics: Record<string, MetricDigest> = {}
    const points: Point[] = []
    for (const { key } of run.latest) {
      const history = await pointsOf(place, run.info.run_id, key, signal)
      metrics[key] = digestOfPoints(history)
      if (isOpen(run)) points.push(...history)
    }
    return isOpen(run) ? { envelope, metrics, points } : { envelope, metrics }
  }

  async function find(
    place: Place,
    experiment: string,
    id: string,
    signal: AbortSignal,
  ): Promise<TrackedRun | undefined> {
    const { tracking } = accessOf(place)
    const direct = await tracking.run(id, signal)
    if (direct !== undefined) return direct
    const within = await tracking.experimentByName(experiment, signal)
    if (within === undefined) return undefined
    for await (const run of tracking.runs([within.id], signal, `tags."${SOURCE_RUN}" = '${id}'`)) return run
    return undefined
  }

  async function converge(place: Place, wanted: Item, carriage: Carriage): Promise<Item> {
    const { signal } = carriage
    const body = runBody(place, wanted.body)
    const there = (await find(place, body.experiment, body.id, signal)) ?? (await create(place, body, signal))
    const { tracking } = accessOf(place)
    const id = there.info.run_id
    // A deleted run takes no writes: it is restored first, and deleted again at the end.
    if (there.info['lifecycle_stage'] === 'deleted') await tracking.setRunDeleted(id, false, signal)
    await logDifference(place, there, { wanted: body, carriage })
    const update = stateChange(there, body)
    if (update !== undefined) await tracking.updateRun(id, update, signal)
    if (body.deleted) await tracking.setRunDeleted(id, true, signal)
    return (await read(place, wanted.address, carriage)) ?? wanted
  }

  async function create(place: Place, body: RunBody, signal: AbortSignal): Promise<TrackedRun> {
    const { tracking, createWithId } = accessOf(place)
    const within =
      (await tracking.experimentByName(body.experiment, signal))?.id ??
      (await tracking.createExperiment(body.experiment, [], signal))
    if (await createWithId(body, signal)) {
      const created = await tracking.run(body.id, signal)
      if (created !== undefined) return created
    }
    const tags = [{ key: SOURCE_RUN, value: body.id }]
    return tracking.createRun({ experiment_id: within, run_name: body.name, start_time: body.start, tags }, signal)
  }

  async function logDifference(
    place: Place,
    there: TrackedRun,
    { wanted, carriage }: { wanted: RunBody; carriage: Carriage },
  ): Promise<void> {
    const { signal } = carriage
    const metrics: Point[] = []
    for (const [key, digest] of Object.entries(wanted.metrics)) {
      const found = await pointsOf(place, there.info.run_id, key, signal)
      if (digestOfPoints(found).digest === digest.digest) continue
      metrics.push(...missingPoints(await sourcePoints(carriage.source, wanted, key, signal), found))
    }
    const params = Object.entries(wanted.params).filter(([key, value]) => paramToLog(there, wanted, key, value))
    const tags = Object.entries(wanted.tags).filter(
      ([key, value]) => there.tags.find((tag) => tag.key === key)?.value !== value,
    )
    const pair = ([key, value]: [string, string]) => ({ key, value })
    await accessOf(place).tracking.log(
      there.info.run_id,
      { metrics, params: params.map(pair), tags: tags.map(pair) },
      signal,
    )
  }

  /** The points as the observation saw them: an open run has grown since, and what is newer belongs to the next pass. */
  async function sourcePoints(
    source: Place,
    wanted: RunBody,
    key: string,
    signal: AbortSignal,
  ): Promise<readonly Point[]> {
    const id = await sourceRunId(source, wanted, signal)
    const held = known.get(`${source.workspace.toLowerCase()} ${id}`)?.points
    return held?.filter((point) => point.key === key) ?? pointsOf(source, id, key, signal)
  }

  async function sourceRunId(source: Place, wanted: RunBody, signal: AbortSignal): Promise<string> {
    return (await find(source, wanted.experiment, wanted.id, signal))?.info.run_id ?? wanted.id
  }

  async function pointsOf(place: Place, id: string, key: string, signal: AbortSignal): Promise<Point[]> {
    const points: Point[] = []
    for await (const point of accessOf(place).tracking.history(id, key, signal)) points.push(point)
    return points
  }

  return {
    kind: 'run',
    needs: ['experiment'],
    can: { converge: true, update: true, remove: false, acts: false, ordered: false },
    list,
    read,
    references: () => [],
    open: isOpenBody,
    converge,
    remove: async (place, of, { signal }) => {
      const [experiment = '', id = ''] = segmentsOf(of)
      const there = await find(place, experiment, id, signal)
      if (there !== undefined && there.info['lifecycle_stage'] !== 'deleted') {
        await accessOf(place).tracking.setRunDeleted(there.info.run_id, true, signal)
      }
    },
  }
}

function envelopeOf({ info, params, tags, latest }: TrackedRun): string {
  return createHash('sha256')
    .update(JSON.stringify([info, params, tags, latest]))
    .digest('hex')
}

function paramToLog(there: TrackedRun, wanted: RunBody, key: string, value: string): boolean {
  const found = there.params.find((param) => param.key === key)?.value
  if (found === undefined) return true
  if (found === value) return false
  throw new Fault(
    'sync/conflict',
    `run/${wanted.experiment}/${wanted.id}: the parameter ${key} is “${value}” at the source and “${found}” in the replica`,
    {
      hint: 'Parameters cannot be changed once they are logged; delete the replica run and sync again.',
    },
  )
}

function stateChange(there: TrackedRun, wanted: RunBody): Record<string, string | number> | undefined {
  const { info } = there
  const change: Record<string, string | number> = {}
  if (info.status !== wanted.status) change['status'] = wanted.status
  if (wanted.end !== 0 && Number(info['end_time'] ?? 0) !== wanted.end) {
    change['end_time'] = wanted.end
    // Servers take an end time only together with the status.
    change['status'] = wanted.status
  }
  if (String(info['run_name'] ?? '') !== wanted.name) change['run_name'] = wanted.name
  return Object.keys(change).length === 0 ? undefined : change
}
