import { Fault } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/model.ts'
import type { Pair, Point, TrackedRun } from '../tracking.ts'
import type { Documents } from './documents.ts'
import { EXPERIMENTS, experimentAt } from './experiments.ts'
import { fileName, rootOf } from './names.ts'
import type { Segment } from './points.ts'

/** What a run's document says. */
export interface RunContent {
  readonly info: TrackedRun['info']
  readonly params: readonly Pair[]
  readonly tags: readonly Pair[]
  readonly latest: readonly Point[]
  readonly datasets: readonly Json[]
  readonly modelsRead: readonly Json[]
  readonly modelsMade: readonly Json[]
  readonly segments: readonly Segment[]
}

/** A run's document and the folder it is in. */
export interface Standing {
  readonly folder: string
  readonly run: RunContent
}

/** Documents of runs by the ids of runs. */
export interface RunDocuments {
  all(experimentId: string, signal: AbortSignal): AsyncIterable<Standing>
  get(id: string): Promise<Standing | undefined>
  /** One that is there stays as it is. */
  create(id: string, run: JsonObject): Promise<void>
  change(id: string, become: (before: RunContent, folder: string) => Promise<RunContent> | RunContent): Promise<void>
}

export function runDocuments(documents: Documents): RunDocuments {
  /** Folders of runs by their ids. */
  const where = new Map<string, string>()
  let looking: Promise<void> | undefined

  async function* all(experimentId: string, signal: AbortSignal): AsyncIterable<Standing> {
    const runs = `${experimentAt(experimentId)}/runs`
    for (const name of await documents.foldersIn(runs)) {
      signal.throwIfAborted()
      const folder = `${runs}/${name}`
      const run = await contentAt(folder)
      if (run === undefined) continue
      where.set(run.info.run_id, folder)
      yield { folder, run }
    }
  }

  async function contentAt(folder: string): Promise<RunContent | undefined> {
    return (await documents.read(`${folder}/run.json`)) as unknown as RunContent | undefined
  }

  async function find(id: string): Promise<string | undefined> {
    if (where.has(id)) return where.get(id)
    looking ??= lookThrough()
    await looking
    return where.get(id)
  }

  async function lookThrough(): Promise<void> {
    for (const experiment of await documents.foldersIn(EXPERIMENTS)) {
      const runs = `${EXPERIMENTS}/${experiment}/runs`
      for (const name of await documents.foldersIn(runs)) {
        // The name is the id, but for one that is too long for a name.
        const id = name.includes('~') ? (await contentAt(`${runs}/${name}`))?.info.run_id : decodeURIComponent(name)
        if (id !== undefined) where.set(id, `${runs}/${name}`)
      }
    }
  }

  async function get(id: string): Promise<Standing | undefined> {
    const folder = await find(id)
    const run = folder === undefined ? undefined : await contentAt(folder)
    return folder === undefined || run === undefined ? undefined : { folder, run }
  }

  return {
    all,
    get,
    create: async (id, run) => {
      const folder = `${experimentAt(String(run['experiment_id']))}/runs/${fileName(id)}`
      await documents.change(`${folder}/run.json`, (before) => before ?? jsonOf(freshRun(id, run)))
      where.set(id, folder)
    },
    change: async (id, become) => {
      const folder = await find(id)
      if (folder === undefined) throw absent(id)
      await documents.change(`${folder}/run.json`, async (before) => {
        if (before === undefined) throw absent(id)
        return jsonOf(await become(before as unknown as RunContent, folder))
      })
    },
  }
}

/** A run as a server would give it. Where its files are follows from where it is, and is not kept. */
export function runOf({ folder, run }: Standing): TrackedRun {
  const { segments: _, datasets, modelsRead, modelsMade, ...rest } = run
  return {
    ...rest,
    info: { ...run.info, artifact_uri: rootOf(folder, 'artifacts') },
    inputs: { dataset_inputs: datasets, model_inputs: modelsRead },
    outputs: { model_outputs: modelsMade },
  }
}

function freshRun(id: string, { tags, ...info }: JsonObject): RunContent {
  return {
    info: { status: 'RUNNING', lifecycle_stage: 'active', ...info, run_id: id } as unknown as TrackedRun['info'],
    params: [],
    tags: (tags ?? []) as unknown as readonly Pair[],
    latest: [],
    datasets: [],
    modelsRead: [],
    modelsMade: [],
    segments: [],
  }
}

function jsonOf(content: RunContent): JsonObject {
  return content as unknown as JsonObject
}

function absent(id: string): Fault {
  return new Fault('azure/refused', `There is no run ${id} in the folder`, { hint: 'Run it again.' })
}
