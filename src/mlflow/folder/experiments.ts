import type { JsonObject } from '../../core/model.ts'
import type { Pair, TrackedExperiment, Tracking } from '../tracking.ts'
import type { Documents } from './documents.ts'
import { fileName } from './names.ts'

export const EXPERIMENTS = 'experiments'

type Experiments = Pick<
  Tracking,
  | 'experiments'
  | 'experiment'
  | 'experimentByName'
  | 'createExperiment'
  | 'setExperimentTag'
  | 'deleteExperimentTag'
  | 'setExperimentDeleted'
>

/** Experiments in a folder. The id of each is its name. */
export function folderExperiments(documents: Documents): Experiments {
  async function experiment(id: string): Promise<TrackedExperiment | undefined> {
    return (await documents.read(documentOf(id))) as unknown as TrackedExperiment | undefined
  }

  async function* experiments(signal: AbortSignal): AsyncIterable<TrackedExperiment> {
    for (const name of await documents.foldersIn(EXPERIMENTS)) {
      signal.throwIfAborted()
      const found = await documents.read(`${EXPERIMENTS}/${name}/experiment.json`)
      if (found !== undefined) yield found as unknown as TrackedExperiment
    }
  }

  async function change(id: string, become: (before: TrackedExperiment) => TrackedExperiment): Promise<void> {
    const fresh: TrackedExperiment = { id, name: id, deleted: false, tags: [] }
    await documents.change(documentOf(id), (before) => {
      const after = become((before as unknown as TrackedExperiment | undefined) ?? fresh)
      return after as unknown as JsonObject
    })
  }

  return {
    experiments,
    experiment,
    experimentByName: experiment,
    createExperiment: async (name, tags) => {
      await change(name, (before) => ({ ...before, tags: withPairs(before.tags, tags) }))
      return name
    },
    setExperimentTag: (id, tag) => change(id, (before) => ({ ...before, tags: withPairs(before.tags, [tag]) })),
    deleteExperimentTag: (id, key) =>
      change(id, (before) => ({ ...before, tags: before.tags.filter((one) => one.key !== key) })),
    setExperimentDeleted: (id, deleted) => change(id, (before) => ({ ...before, deleted })),
  }
}

export function experimentAt(id: string): string {
  return `${EXPERIMENTS}/${fileName(id)}`
}

export function withPairs(before: readonly Pair[], more: readonly Pair[]): readonly Pair[] {
  const all = new Map(before.map(({ key, value }) => [key, value]))
  for (const { key, value } of more) all.set(key, value)
  return [...all].map(([key, value]) => ({ key, value }))
}

function documentOf(id: string): string {
  return `${experimentAt(id)}/experiment.json`
}
