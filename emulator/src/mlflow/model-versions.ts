import type { Resource } from '../arm/resources.ts'
import type { Reply } from '../call.ts'
import { artifactBlob } from '../history/artifact-store.ts'
import { invalid, offsetOf, ok, pageToken, unlessEmpty } from './answers.ts'
import { unquoted } from './artifact-files.ts'
import { oneVersionJson, stageOf, tagsOf, versionJson } from './model-json.ts'
import { searchVersions } from './model-query.ts'
import { artifactPathOf, downloadUriOf, ModelStore, modelUriOf } from './model-store.ts'
import { tagsOf as tagsIn } from './names.ts'
import { knownStage, MODEL_TAGS, modelName, noteOf, tagOf } from './registered-models.ts'
import type { Request, Row } from './request.ts'
import { isPlugin } from './run-json.ts'

export const MODEL_VERSION_ROWS: readonly Row[] = [
  ['POST', 'model-versions/create', 'createModelVersion', create],
  ['GET', 'model-versions/get', 'getModelVersion', get],
  ['PATCH', 'model-versions/update', 'updateModelVersion', update],
  ['DELETE', 'model-versions/delete', 'deleteModelVersion', remove],
  ['GET', 'model-versions/search', 'searchModelVersions', search],
  ['GET', 'model-versions/get-download-uri', 'getModelVersionDownloadUri', downloadUri],
  ['POST', 'model-versions/transition-stage', 'transitionModelVersionStage', transition],
  ['POST', 'model-versions/set-tag', 'setModelVersionTag', setTag],
  ['DELETE', 'model-versions/delete-tag', 'deleteModelVersionTag', deleteTag],
]

async function create(request: Request): Promise<Reply> {
  const { fields, scope, call } = request
  const name = modelName(request)
  const source = checkedSource(fields.need('source'))
  const tags = tagsIn(fields, MODEL_TAGS)
  const runId = fields.text('run_id') ?? ''
  const runLink = fields.text('run_link') ?? ''
  const description = fields.text('description') ?? ''
  const flavors = await flavorsOf(request, source)
  return call.commit(() => {
    const store = new ModelStore(request)
    const container = store.needContainer(name)
    const storage = copiedFrom(store, source)
    const version = store.createVersion(
      container,
      {
        description,
        tags,
        modelUri: modelUriOf(scope.workspace, source),
        modelType: flavors === undefined ? 'custom_model' : 'mlflow_model',
        flavors: flavors ?? {},
        ...(runId === '' ? {} : { jobName: runId }),
      },
      { facts: { source, runId, runLink, ...(storage === undefined ? {} : { storage }) }, by: call.caller.id },
    )
    store.touch(container, call.caller.id)
    return ok(
      { model_version: oneVersionJson(request, store, version) },
      { ...noteOf(version), facts: { version: version.name } },
    )
  })
}

/** Where the bytes of the version are which a source `models:/name/version` copies; `undefined` for any other source. */
function copiedFrom(store: ModelStore, source: string): string | undefined {
  const [, name, version] = /^models:\/([^/]+)\/(\d+)$/.exec(source) ?? []
  if (name === undefined || version === undefined) return undefined
  return store.originOf(store.needVersion(unquoted(name), version))
}

/** Refuses what MLflow's server refuses: a path of the server's own disk, and a path that climbs. */
function checkedSource(source: string): string {
  if (/^(?:file:|\/|[A-Za-z]:\\|\.)/.test(source) || !/^[\w+.-]+:/.test(source)) {
    throw invalid(
      `Invalid model version source: '${source}'. To use a local path as a model version source, the run_id request parameter has to be specified and the local path has to be contained within the artifact directory of the run specified by the run_id.`,
    )
  }
  const plain = unquoted(source)
  if (plain.includes('\0') || plain.split(/[/\\]/).some((part) => part === '..' || part === '.')) {
    throw invalid(
      `Invalid model version source: '${source}'. If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references present. Please provide an absolute path.`,
    )
  }
  return source
}

/** Where flavors stand in an `MLmodel` file, in bytes from its start. */
const MOST_OF_MLMODEL = 1024 * 1024

/** Flavors that the `MLmodel` file at the source names; `undefined` where there is no such file. */
async function flavorsOf({ region, scope }: Request, source: string): Promise<Record<string, object> | undefined> {
  const path = artifactPathOf(source)
  if (path === undefined) return undefined
  const blob = artifactBlob(region, scope.workspace, `${path.replace(/\/$/, '')}/MLmodel`)
  const file = await region.blobs.read(blob, MOST_OF_MLMODEL)
  return file === undefined ? undefined : flavorNames(file.toString('utf8'))
}

/** Names below `flavors:` in an `MLmodel` file. Only the names: that much YAML is lines and indents. */
export function flavorNames(text: string): Record<string, object> {
  const lines = text.split(/\r?\n/)
  const start = lines.findIndex((line) => /^flavors:\s*$/.test(line))
  if (start < 0) return {}
  const below = lines.slice(start + 1)
  const end = below.findIndex((line) => /^\S/.test(line))
  const block = end < 0 ? below : below.slice(0, end)
  const indent = /^ +/.exec(block[0] ?? '')?.[0] ?? '  '
  const inside = block.filter((line) => line.startsWith(indent)).map((line) => line.slice(indent.length))
  const names = inside.flatMap((line) => /^([\w.-]+):/.exec(line)?.[1] ?? [])
  return Object.fromEntries(names.map((name) => [name, {}]))
}

/** The version that a request names. */
function found(request: Request, store: ModelStore): Resource {
  return store.needVersion(modelName(request), request.fields.need('version'))
}

function get(request: Request): Reply {
  const store = new ModelStore(request)
  return ok({ model_version: oneVersionJson(request, store, found(request, store)) })
}

function downloadUri(request: Request): Reply {
  const store = new ModelStore(request)
  // This one call tells what is missing in other words than all others.
  if (!request.fields.text('name')) throw invalid("Missing value for required parameter 'name'.")
  const source = store.originOf(store.needVersion(modelName(request), request.fields.text('version') ?? ''))
  return ok({ artifact_uri: downloadUriOf(source, isPlugin(request)) })
}

function update(request: Request): Promise<Reply> {
  const description = request.fields.text('description') ?? null
  return change(request, (store, version) => store.change(version, { description }, request.call.caller.id))
}

/** Runs `work` on the version of the request in one transaction and answers with the version after it. */
function change(request: Request, work: (store: ModelStore, version: Resource) => Resource): Promise<Reply> {
  return request.call.commit(() => {
    const store = new ModelStore(request)
    const version = work(store, found(request, store))
    return ok({ model_version: oneVersionJson(request, store, version) }, noteOf(version))
  })
}

function remove(request: Request): Promise<Reply> {
  return request.call.commit(() => {
    const store = new ModelStore(request)
    const version = found(request, store)
    const container = store.needContainer(modelName(request))
    store.removeVersion(version)
    store.touch(container, request.call.caller.id)
    return ok({}, noteOf(version))
  })
}

function transition(request: Request): Promise<Reply> {
  const stage = knownStage(request.fields.need('stage'))
  const archive = request.fields.flag('archive_existing_versions')
  const by = request.call.caller.id
  if (archive && stage !== 'Staging' && stage !== 'Production') {
    throw invalid(
      `Model version transition cannot archive existing model versions because '${stage}' is not an Active stage. Valid stages are Staging, Production`,
    )
  }
  return change(request, (store, version) => {
    const container = store.needContainer(modelName(request))
    store.touch(container, by)
    if (archive) {
      const others = store.versions(container)
      for (const other of others.filter((one) => one.id !== version.id && stageOf(one) === stage)) {
        store.change(other, { stage: 'Archived' }, by)
      }
    }
    return store.change(version, { stage }, by)
  })
}

function setTag(request: Request): Promise<Reply> {
  const [key, value] = tagOf(request)
  return retag(request, (tags) => ({ ...tags, [key]: value }))
}

function deleteTag(request: Request): Promise<Reply> {
  const key = request.fields.need('key')
  return retag(request, ({ [key]: _, ...tags }) => tags)
}

function retag(request: Request, next: (tags: Record<string, string>) => Record<string, string>): Promise<Reply> {
  return request.call.commit(() => {
    const store = new ModelStore(request)
    const version = found(request, store)
    return ok({}, noteOf(store.change(version, { tags: next(tagsOf(version)) }, request.call.caller.id)))
  })
}

function search(request: Request): Reply {
  const { fields } = request
  const limit = fields.pageSize(10_000, 200_000)
  const offset = offsetOf(fields.text('page_token'))
  const store = new ModelStore(request)
  const all = searchVersions(store, { filter: fields.text('filter'), orderBy: fields.texts('order_by') })
  return ok({
    model_versions: unlessEmpty(all.slice(offset, offset + limit).map((one) => versionJson(request, store, one))),
    next_page_token: all.length > offset + limit ? pageToken(offset + limit) : undefined,
  })
}
