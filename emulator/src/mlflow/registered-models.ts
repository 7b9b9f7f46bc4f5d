import type { Resource } from '../arm/resources.ts'
import type { Note, Reply } from '../call.ts'
import { Refusal } from '../refusal.ts'
import { invalid, offsetOf, ok, pageToken, unlessEmpty } from './answers.ts'
import {
  latestOf,
  type ModelStage,
  modelJson,
  numberOf,
  oneVersionJson,
  STAGES,
  stageOf,
  tagsOf,
} from './model-json.ts'
import { searchModels } from './model-query.ts'
import { ModelStore } from './model-store.ts'
import { checkKey, checkLength, LIMITS, tagsOf as tagsIn } from './names.ts'
import type { Request, Row } from './request.ts'

export const REGISTERED_MODEL_ROWS: readonly Row[] = [
  ['POST', 'registered-models/create', 'createRegisteredModel', create],
  ['GET', 'registered-models/get', 'getRegisteredModel', get],
  ['PATCH', 'registered-models/update', 'updateRegisteredModel', update],
  ['POST', 'registered-models/update', 'updateRegisteredModel', update],
  ['DELETE', 'registered-models/delete', 'deleteRegisteredModel', remove],
  ['POST', 'registered-models/rename', 'renameRegisteredModel', rename],
  ['GET', 'registered-models/search', 'searchRegisteredModels', search],
  ['GET', 'registered-models/list', 'listRegisteredModels', search],
  ['GET', 'registered-models/get-latest-versions', 'getLatestVersions', latest],
  ['POST', 'registered-models/get-latest-versions', 'getLatestVersions', latest],
  ['POST', 'registered-models/set-tag', 'setRegisteredModelTag', setTag],
  ['DELETE', 'registered-models/delete-tag', 'deleteRegisteredModelTag', deleteTag],
  ['POST', 'registered-models/alias', 'setRegisteredModelAlias', setAlias],
  ['DELETE', 'registered-models/alias', 'deleteRegisteredModelAlias', deleteAlias],
  ['GET', 'registered-models/alias', 'getModelVersionByAlias', byAlias],
]

/** The name of a model of the request, if it is one. */
export function modelName({ fields }: Request): string {
  const name = fields.need('name')
  if (/[/:]/.test(name) || name === '.' || name === '..') {
    throw invalid(`Invalid model name '${name}'. Names cannot contain '/' or ':'.`)
  }
  return name
}

/** Rule for tags of models and versions: too long a value is refused. */
export const MODEL_TAGS = { limit: LIMITS.modelTagValue, cut: false } as const

/** The ARM id is the subject of a line about a model, as it is for writes through ARM. */
export function noteOf(resource: Resource): Note {
  return { subject: resource.id }
}

function create(request: Request): Promise<Reply> {
  const name = modelName(request)
  const tags = tagsIn(request.fields, MODEL_TAGS)
  const description = request.fields.text('description') ?? null
  return request.call.commit(() => {
    const store = new ModelStore(request)
    if (store.container(name) !== undefined) {
      throw new Refusal(400, 'RESOURCE_ALREADY_EXISTS', `Registered Model (name=${name}) already exists.`)
    }
    const container = store.createContainer(name, { description, tags }, request.call.caller.id)
    return ok({ registered_model: modelJson(request, store, container) }, noteOf(container))
  })
}

function get(request: Request): Reply {
  const store = new ModelStore(request)
  return ok({ registered_model: modelJson(request, store, store.needContainer(modelName(request))) })
}

function update(request: Request): Promise<Reply> {
  const name = modelName(request)
  const description = request.fields.text('description') ?? null
  return request.call.commit(() => {
    const store = new ModelStore(request)
    const container = store.change(store.needContainer(name), { description }, request.call.caller.id)
    return ok({ registered_model: modelJson(request, store, container) }, noteOf(container))
  })
}

function remove(request: Request): Promise<Reply> {
  const name = modelName(request)
  return request.call.commit(() => {
    const store = new ModelStore(request)
    const container = store.needContainer(name)
    store.removeContainer(container)
    return ok({}, noteOf(container))
  })
}

/** Azure ML has no renaming of models (how-to-manage-models-mlflow): the name is a part of the ARM id. */
function rename(request: Request): Reply {
  new ModelStore(request).needContainer(modelName(request))
  throw new Refusal(400, 'BAD_REQUEST', 'Renaming a registered model is not supported.')
}

function search(request: Request): Reply {
  const { fields } = request
  const limit = fields.pageSize(100, 1000)
  const offset = offsetOf(fields.text('page_token'))
  const store = new ModelStore(request)
  const found = searchModels(store, { filter: fields.text('filter'), orderBy: fields.texts('order_by') })
  return ok({
    registered_models: unlessEmpty(found.slice(offset, offset + limit).map((one) => modelJson(request, store, one))),
    next_page_token: found.length > offset + limit ? pageToken(offset + limit) : undefined,
  })
}

/** The stage of that name, whatever its case, or MLflow's refusal. */
export function knownStage(text: string): ModelStage {
  const stage = STAGES.find((one) => one.toLowerCase() === text.toLowerCase())
  if (stage === undefined) {
    throw invalid(`Invalid Model Version stage: ${text}. Value must be one of ${STAGES.join(', ')}.`)
  }
  return stage
}

function latest(request: Request): Reply {
  const store = new ModelStore(request)
  const container = store.needContainer(modelName(request))
  const stages = request.fields.texts('stages').map(knownStage)
  const versions = latestOf(store.versions(container))
    .filter((version) => stages.length === 0 || stages.includes(stageOf(version)))
    .toSorted((a, b) => numberOf(a) - numberOf(b))
  return ok({ model_versions: unlessEmpty(versions.map((version) => oneVersionJson(request, store, version))) })
}

function setTag(request: Request): Promise<Reply> {
  const name = modelName(request)
  const [key, value] = tagOf(request)
  return request.call.commit(() => {
    const store = new ModelStore(request)
    const container = store.needContainer(name)
    const tags = { ...tagsOf(container), [key]: value }
    return ok({}, noteOf(store.change(container, { tags }, request.call.caller.id)))
  })
}

/** Key and value of a tag in the request, checked. */
export function tagOf({ fields }: Request): [key: string, value: string] {
  const key = fields.need('key')
  const value = fields.text('value') ?? ''
  checkKey(key, { path: 'key', label: 'key' })
  checkLength(value, 'value', LIMITS.modelTagValue)
  return [key, value]
}

function deleteTag(request: Request): Promise<Reply> {
  const name = modelName(request)
  const key = request.fields.need('key')
  return request.call.commit(() => {
    const store = new ModelStore(request)
    const container = store.needContainer(name)
    const { [key]: _, ...tags } = tagsOf(container)
    return ok({}, noteOf(store.change(container, { tags }, request.call.caller.id)))
  })
}

/** The alias of the request, if it can be the name of one. */
function aliasOf({ fields }: Request): string {
  const alias = fields.need('alias')
  if (!/^[\w-]*$/.test(alias)) {
    throw invalid(
      `Invalid alias name: '${alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-).`,
    )
  }
  checkLength(alias, 'Registered model alias name', LIMITS.alias)
  return alias
}

/** {@link aliasOf} where one is set: some names are MLflow's own. */
function newAliasOf(request: Request): string {
  const alias = aliasOf(request)
  if (alias.toLowerCase() === 'latest') throw invalid("'latest' alias name (case insensitive) is reserved.")
  if (/^v\d+$/i.test(alias)) throw invalid(`Version alias name '${alias}' is reserved.`)
  return alias
}

function setAlias(request: Request): Promise<Reply> {
  const name = modelName(request)
  const alias = newAliasOf(request)
  const version = request.fields.need('version')
  return request.call.commit(() => {
    const store = new ModelStore(request)
    store.needVersion(name, version)
    const container = store.needContainer(name)
    store.setAlias(container, alias, version)
    return ok({}, noteOf(container))
  })
}

function deleteAlias(request: Request): Promise<Reply> {
  const name = modelName(request)
  const alias = aliasOf(request)
  return request.call.commit(() => {
    const store = new ModelStore(request)
    const container = store.needContainer(name)
    store.removeAlias(container, alias)
    return ok({}, noteOf(container))
  })
}

function byAlias(request: Request): Reply {
  const store = new ModelStore(request)
  const name = modelName(request)
  const alias = aliasOf(request)
  const version = store.aliased(store.needContainer(name), alias)
  if (version === undefined) throw invalid(`Registered model alias ${alias} not found.`)
  return ok({ model_version: oneVersionJson(request, store, store.needVersion(name, version)) })
}
