import { isFault } from '../core/errors.ts'
import type { Json, JsonObject } from '../core/model.ts'
import { callsOf, listOf, textOf } from './call.ts'
import type { ModelRegistry, ModelVersion, RegisteredModel } from './registry.ts'
import type { Pair, Request, Send } from './tracking.ts'

const PAGE = 200
/** Prompts of MLflow 3 are registered models that a search gives only to those who ask for them. */
const PROMPTS = "tags.`mlflow.prompt.is_prompt` = 'true'"

/** MLflow's registry API over what `send` reaches. */
export function httpRegistry(send: Send): ModelRegistry {
  const { call, optional, pages } = callsOf(send)
  const post = async (path: string, body: JsonObject, signal: AbortSignal): Promise<void> =>
    void (await call({ method: 'POST', path, body, signal }))
  const change = async (path: string, body: JsonObject, signal: AbortSignal): Promise<void> =>
    void (await call({ method: 'PATCH', path, body, signal }))
  const remove = async (path: string, body: JsonObject, signal: AbortSignal): Promise<void> =>
    void (await optional({ method: 'DELETE', path, body, signal }))

  async function* search(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal) {
    const ask = (token?: string): Request => ({
      method: 'GET',
      path,
      query: { max_results: String(PAGE), ...query, ...(token === undefined ? {} : { page_token: token }) },
      signal,
    })
    yield* pages(ask)
  }

  async function* models(signal: AbortSignal): AsyncIterable<RegisteredModel> {
    for await (const found of searched('registered-models/search', ['', PROMPTS], signal)) {
      // A search may leave out aliases; asking for each by name does not.
      yield (await model(textOf(found['name']), signal)) ?? modelFrom(found)
    }
  }

  /** What any of the filters finds. That for prompts is refused by servers that cannot look for a tag, and have none. */
  async function* searched(
    path: 'registered-models/search' | 'model-versions/search',
    filters: readonly string[],
    signal: AbortSignal,
  ): AsyncIterable<JsonObject> {
    for (const filter of filters) {
      let isTaken = false
      try {
        for await (const page of search(path, filter === '' ? {} : { filter }, signal)) {
          isTaken = true
          yield* listOf(page[path.startsWith('model-versions') ? 'model_versions' : 'registered_models'])
        }
      } catch (thrown) {
        if (isTaken || !filter.endsWith(PROMPTS) || !isFault(thrown, 'azure/refused')) throw thrown
      }
    }
  }

  async function model(name: string, signal: AbortSignal): Promise<RegisteredModel | undefined> {
    const found = await optional({ method: 'GET', path: 'registered-models/get', query: { name }, signal })
    return found === undefined ? undefined : modelFrom((found['registered_model'] ?? {}) as JsonObject)
  }

  async function versions(name: string, signal: AbortSignal): Promise<readonly ModelVersion[]> {
    const filter = filterFor(name)
    const found: ModelVersion[] = []
    for (const one of [filter, `${filter} AND ${PROMPTS}`]) {
      for await (const raw of searched('model-versions/search', [one], signal)) found.push(versionFrom(raw))
      // A model has versions of one sort.
      if (found.some((raw) => raw.name === name)) break
    }
    return found.filter((one) => one.name === name).sort((a, b) => Number(a.version) - Number(b.version))
  }

  return {
    models,
    model,
    createModel: ({ name, description, tags }, signal) =>
      post('registered-models/create', { name, description, tags: tags.map(pair) }, signal),
    describeModel: (name, description, signal) => change('registered-models/update', { name, description }, signal),
    setModelTag: (name, tag, signal) => post('registered-models/set-tag', { name, ...pair(tag) }, signal),
    deleteModelTag: (name, key, signal) => remove('registered-models/delete-tag', { name, key }, signal),
    setAlias: (name, { key, value }, signal) =>
      post('registered-models/alias', { name, alias: key, version: value }, signal),
    deleteAlias: (name, alias, signal) => remove('registered-models/alias', { name, alias }, signal),
    versions,
    createVersion: async (wanted, signal) => {
      const { name, source, runId, runLink, modelId, description, tags } = wanted
      const body = {
        name,
        source,
        description,
        tags: tags.map(pair),
        ...(runId === '' ? {} : { run_id: runId }),
        ...(runLink === '' ? {} : { run_link: runLink }),
        ...(modelId === '' ? {} : { model_id: modelId }),
      }
      const made = await call({ method: 'POST', path: 'model-versions/create', body, signal, once: true })
      return versionFrom((made['model_version'] ?? {}) as JsonObject)
    },
    describeVersion: (of, description, signal) => change('model-versions/update', { ...of, description }, signal),
    setStage: (of, stage, signal) =>
      post('model-versions/transition-stage', { ...of, stage, archive_existing_versions: false }, signal),
    setVersionTag: (of, tag, signal) => post('model-versions/set-tag', { ...of, ...pair(tag) }, signal),
    deleteVersionTag: (of, key, signal) => remove('model-versions/delete-tag', { ...of, key }, signal),
    deleteVersion: (of, signal) => remove('model-versions/delete', { ...of }, signal),
  }
}

/** A filter that finds a name, and others too where it has both quotes: the grammar has no escape, and `_` is any character. */
function filterFor(name: string): string {
  if (!name.includes("'")) return `name='${name}'`
  return name.includes('"') ? `name LIKE '${name.replaceAll("'", '_')}'` : `name="${name}"`
}

function modelFrom(raw: JsonObject): RegisteredModel {
  return {
    name: textOf(raw['name']),
    description: textOf(raw['description']),
    tags: pairs(raw['tags'], 'key', 'value'),
    aliases: pairs(raw['aliases'], 'alias', 'version'),
  }
}

function versionFrom(raw: JsonObject): ModelVersion {
  return {
    name: textOf(raw['name']),
    version: textOf(raw['version']),
    source: textOf(raw['source']),
    runId: textOf(raw['run_id']),
    runLink: textOf(raw['run_link']),
    modelId: textOf(raw['model_id']),
    description: textOf(raw['description']),
    stage: textOf(raw['current_stage']) || 'None',
    tags: pairs(raw['tags'], 'key', 'value'),
  }
}

function pairs(raw: Json | undefined, key: string, value: string): readonly Pair[] {
  return listOf(raw).map((one) => ({ key: textOf(one[key]), value: textOf(one[value]) }))
}

function pair({ key, value }: Pair): JsonObject {
  return { key, value }
}
