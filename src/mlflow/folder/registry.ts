import { Fault } from '../../core/errors.ts'
import type { JsonObject } from '../../core/model.ts'
import type { ModelRegistry, ModelVersion, RegisteredModel, VersionKey } from '../registry.ts'
import type { Pair } from '../tracking.ts'
import type { Documents } from './documents.ts'
import { fileName } from './names.ts'

const MODELS = 'registered-models'

/** A registered model's document. */
interface ModelContent extends RegisteredModel {
  /** Highest number that was ever given. */
  readonly last: number
  /** From the lowest number to the highest. */
  readonly versions: readonly ModelVersion[]
}

/** Registered models in a folder, each with its versions in one document. */
export function folderRegistry(documents: Documents): ModelRegistry {
  const at = (name: string) => `${MODELS}/${fileName(name)}/model.json`

  async function read(name: string): Promise<ModelContent | undefined> {
    return (await documents.read(at(name))) as unknown as ModelContent | undefined
  }

  async function change(name: string, become: (before: ModelContent) => ModelContent): Promise<ModelContent> {
    const after = await documents.change(at(name), (before) => {
      if (before === undefined) throw absent(name)
      return become(before as unknown as ModelContent) as unknown as JsonObject
    })
    return after as unknown as ModelContent
  }

  async function changeVersion({ name, version }: VersionKey, become: (before: ModelVersion) => ModelVersion) {
    await change(name, (before) => ({
      ...before,
      versions: before.versions.map((one) => (one.version === version ? become(one) : one)),
    }))
  }

  async function* models(signal: AbortSignal): AsyncIterable<RegisteredModel> {
    for (const name of await documents.foldersIn(MODELS)) {
      signal.throwIfAborted()
      const found = await documents.read(`${MODELS}/${name}/model.json`)
      if (found !== undefined) yield found as unknown as ModelContent
    }
  }

  return {
    models,
    model: read,
    createModel: async ({ name, description, tags }) => {
      const fresh: ModelContent = { name, description, tags, aliases: [], last: 0, versions: [] }
      await documents.change(at(name), (before) => before ?? (fresh as unknown as JsonObject))
    },
    describeModel: async (name, description) => void (await change(name, (before) => ({ ...before, description }))),
    setModelTag: async (name, tag) =>
      void (await change(name, (before) => ({ ...before, tags: withPair(before.tags, tag) }))),
    deleteModelTag: async (name, key) =>
      void (await change(name, (before) => ({ ...before, tags: withoutKey(before.tags, key) }))),
    setAlias: async (name, alias) =>
      void (await change(name, (before) => ({ ...before, aliases: withPair(before.aliases, alias) }))),
    deleteAlias: async (name, alias) =>
      void (await change(name, (before) => ({ ...before, aliases: withoutKey(before.aliases, alias) }))),
    versions: async (name) => (await read(name))?.versions ?? [],
    createVersion: async ({ name, source, runId, runLink, modelId, description, tags }) => {
      const after = await change(name, (before) => {
        const version = String(before.last + 1)
        const made = { name, version, source, runId, runLink, modelId, description, stage: 'None', tags }
        return { ...before, last: before.last + 1, versions: [...before.versions, made] }
      })
      const made = after.versions.at(-1)
      if (made === undefined) throw absent(name)
      return made
    },
    describeVersion: (of, description) => changeVersion(of, (before) => ({ ...before, description })),
    setStage: (of, stage) => changeVersion(of, (before) => ({ ...before, stage })),
    setVersionTag: (of, tag) => changeVersion(of, (before) => ({ ...before, tags: withPair(before.tags, tag) })),
    deleteVersionTag: (of, key) => changeVersion(of, (before) => ({ ...before, tags: withoutKey(before.tags, key) })),
    deleteVersion: async ({ name, version }) =>
      void (await change(name, (before) => ({
        ...before,
        versions: before.versions.filter((one) => one.version !== version),
        aliases: before.aliases.filter((one) => one.value !== version),
      }))),
  }
}

function withPair(pairs: readonly Pair[], { key, value }: Pair): readonly Pair[] {
  return [...withoutKey(pairs, key), { key, value }]
}

function withoutKey(pairs: readonly Pair[], key: string): readonly Pair[] {
  return pairs.filter((one) => one.key !== key)
}

function absent(name: string): Fault {
  return new Fault('azure/refused', `There is no registered model ${name} in the folder`, { hint: 'Run it again.' })
}
