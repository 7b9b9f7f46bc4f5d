import type { Call, Handler, Reply } from '../call.ts'
import { notImplemented, Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { type Route, UNFINISHED } from '../router.ts'
import type { BlobInfo, BlobRef } from '../storage/blobs.ts'
import { artifactBlob, blobSubject, signedUrl } from './artifact-store.ts'
import { HISTORY } from './run-routes.ts'
import { scopeOf } from './scope.ts'
import { countOf, listOf, objectOf, type Params, textOf, type Values } from './values.ts'

const ARTIFACT =
  '/artifact/v2.0/subscriptions/:s/resourceGroups/:g/providers/Microsoft.MachineLearningServices/workspaces/:w'
const SAS_HOURS = 8
const PAGE = 1000

/** A folder of artifacts: those of a run, or an upload of its own. */
interface Folder {
  readonly origin: string
  readonly container: string
  readonly workspace: string
}

type FolderOf = (call: Call, params: Params) => Folder

/**
 * Artifacts as Microsoft's plugin for MLflow reaches them: those of a run through run history, others
 * through the artifact service. Bytes do not pass here; an answer holds a signed URL of each blob.
 */
export function artifactRoutes(region: Region): readonly Route[] {
  const ofRun: FolderOf = (call, params) => ({
    origin: 'ExperimentRun',
    container: `dcid.${params['runId'] ?? ''}`,
    workspace: scopeOf(region, call).workspace,
  })
  const named: FolderOf = (call, params) => ({
    origin: params['origin'] ?? '',
    container: params['container'] ?? '',
    workspace: scopeOf(region, call).workspace,
  })
  const runs = [`${HISTORY}/experiments/:experimentName`, `${HISTORY}/experimentids/:experimentId`]
  const service = `${ARTIFACT}/artifacts/:origin/:container`
  return [
    ...runs.flatMap((base) => routesOf(region, `${base}/runs/:runId/artifacts`, ofRun)),
    ...routesOf(region, service, named),
    ['GET', `${service}/content`, 'artifacts_download', download(region, named)],
    ['POST', `${service}/content`, 'artifacts_upload', upload(region, named)],
    ['DELETE', `${service}/metadata`, 'artifacts_delete_meta_data', UNFINISHED],
    ['GET', `${service}/write`, 'artifacts_get_sas', writeUrl(region, named)],
    ['POST', `${ARTIFACT}/artifacts/register`, 'artifacts_register', register(region)],
    ['POST', `${ARTIFACT}/artifacts/metadata`, 'artifacts_create', register(region)],
    ['POST', `${ARTIFACT}/artifacts/batch/metadata`, 'artifacts_batch_get_by_id', UNFINISHED],
    ['POST', `${ARTIFACT}/artifacts/storageuri/batch/metadata`, 'artifacts_batch_get_storage_by_id', UNFINISHED],
    ['POST', `${service}/batch/ingest/containersas`, 'artifacts_batch_ingest_from_sas', UNFINISHED],
    ['POST', `${ARTIFACT}/artifacts/tags/:origin/:container::query`, 'artifacts_query_by_tag', UNFINISHED],
    ['POST', `${ARTIFACT}/zip/:origin/:container`, 'artifacts_begin_zip', UNFINISHED],
    ['GET', `${ARTIFACT}/zip/:origin/:container`, 'artifacts_begin_zip_get', UNFINISHED],
  ]
}

function routesOf(region: Region, base: string, folderOf: FolderOf): Route[] {
  return [
    ['GET', base, 'artifacts_list_in_container', list(region, folderOf, artifactJson)],
    ['GET', `${base}/path`, 'artifacts_list_in_path', list(region, folderOf, artifactJson)],
    ['GET', `${base}/prefix/contentinfo`, 'artifacts_list_sas_by_prefix', list(region, folderOf, readJson(region))],
    ['GET', `${base}/contentinfo`, 'artifacts_get_content_information', single(region, folderOf, readJson(region))],
    ['GET', `${base}/metadata`, 'artifacts_get', single(region, folderOf, artifactJson)],
    ['GET', `${base}/artifacturi`, 'artifacts_get_sas_uri', single(region, folderOf, uriText(region))],
    ['POST', `${base}/batch/metadata`, 'artifacts_batch_create_empty_artifacts', createEmpty(region, folderOf)],
  ]
}

/** A blob of a folder by its path in the folder. */
function blobIn(region: Region, folder: Folder, path: string): BlobRef {
  return artifactBlob(region, folder.workspace, `${folder.origin}/${folder.container}/${path.replace(/^\/+/, '')}`)
}

type Print = (folder: Folder, path: string, blob: BlobInfo) => unknown

function artifactJson(folder: Folder, path: string, blob: BlobInfo): object {
  const { origin, container } = folder
  return {
    artifactId: `${origin}/${container}/${path}`,
    origin,
    container,
    path,
    etag: blob.etag,
    createdTime: new Date(blob.created).toISOString(),
    dataPath: {
      dataStoreName: 'workspaceartifactstore',
      relativePath: `${origin}/${container}/${path}`,
      sqlDataPath: null,
    },
    tags: {},
  }
}

function readJson(region: Region): Print {
  return (folder, path, blob) =>
    contentJson(folder, path, signedUrl(region, blob, { permissions: 'r', hours: SAS_HOURS }))
}

function contentJson(folder: Folder, path: string, contentUri: string): object {
  return { contentUri, origin: folder.origin, container: folder.container, path, tags: {} }
}

function uriText(region: Region): Print {
  return (_folder, _path, blob) => signedUrl(region, blob, { permissions: 'r', hours: SAS_HOURS })
}

/** Everything in a folder or below `path` in it, a page at a time. */
function list(region: Region, folderOf: FolderOf, print: Print): Handler {
  return (call, params) => {
    const folder = folderOf(call, params)
    const base = blobIn(region, folder, '').name
    const prefix = blobIn(region, folder, call.query.get('path') ?? '').name
    const token = call.query.get('continuationToken')
    const size = countOf(call.query.get('pageSize'), { field: 'pageSize', otherwise: PAGE, most: PAGE })
    const { account, container } = blobIn(region, folder, '')
    const after = token === null ? {} : { after: Buffer.from(token, 'base64url').toString('utf8') }
    const found = region.blobs.list(account, container, { prefix, limit: size + 1, ...after })
    const page = found.slice(0, size)
    const next = found.length > size ? Buffer.from(page.at(-1)?.name ?? '', 'utf8').toString('base64url') : null
    const query = new URLSearchParams(call.query)
    if (next !== null) query.set('continuationToken', next)
    return {
      status: 200,
      body: {
        value: page.map((blob) => print(folder, blob.name.slice(base.length), blob)),
        continuationToken: next,
        nextLink: next === null ? null : `https://${call.host}${call.path}?${query}`,
      },
    }
  }
}

function single(region: Region, folderOf: FolderOf, print: Print): Handler {
  return (call, params) => {
    const folder = folderOf(call, params)
    const path = call.query.get('path') ?? ''
    const body = print(folder, path, needBlob(region, blobIn(region, folder, path)))
    return { status: 200, body: typeof body === 'string' ? JSON.stringify(body) : body, headers: JSON_TYPE }
  }
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' }

function needBlob(region: Region, blob: BlobRef): BlobInfo {
  const info = region.blobs.info(blob)
  if (info === undefined) throw new Refusal(404, 'UserError', `Artifact ${blob.name} was not found.`)
  return info
}

/** Answers with a URL to write each path to. Nothing is listed before bytes are there. */
function createEmpty(region: Region, folderOf: FolderOf): Handler {
  return async (call, params) => {
    const folder = folderOf(call, params)
    const paths = listOf(objectOf(await call.json())['paths']).map((path) => textOf(objectOf(path), 'path') ?? '')
    const { account, container } = blobIn(region, folder, '')
    await region.blobs.ensureContainer(account, container)
    const grant = { permissions: 'rcw', hours: SAS_HOURS }
    const contents = paths.map((path) => {
      const uri = signedUrl(region, blobIn(region, folder, path), grant)
      return [path, contentJson(folder, path, uri)]
    })
    const artifacts = paths.map((path) => [path, emptyJson(folder, path)])
    return {
      status: 200,
      body: {
        artifacts: Object.fromEntries(artifacts),
        artifactContentInformation: Object.fromEntries(contents),
        errors: {},
      },
      note: { subject: `artifacts/${folder.origin}/${folder.container}`, facts: { paths } },
    }
  }
}

function emptyJson({ origin, container }: Folder, path: string): object {
  return { artifactId: `${origin}/${container}/${path}`, origin, container, path, tags: {} }
}

function writeUrl(region: Region, folderOf: FolderOf): Handler {
  return (call, params) => {
    const folder = folderOf(call, params)
    const path = call.query.get('path') ?? ''
    const uri = signedUrl(region, blobIn(region, folder, path), { permissions: 'rcw', hours: SAS_HOURS })
    return { status: 200, body: contentJson(folder, path, uri) }
  }
}

/** Registers what is already in storage. The store itself is the register, so this only looks. */
function register(region: Region): Handler {
  return async (call) => {
    const { workspace } = scopeOf(region, call)
    const body: Values = objectOf(await call.json())
    const folder = { origin: textOf(body, 'origin') ?? '', container: textOf(body, 'container') ?? '', workspace }
    const path = textOf(body, 'path') ?? ''
    const info = region.blobs.info(blobIn(region, folder, path))
    return { status: 200, body: info === undefined ? emptyJson(folder, path) : artifactJson(folder, path, info) }
  }
}

function download(region: Region, folderOf: FolderOf): Handler {
  return (call, params) => {
    const blob = blobIn(region, folderOf(call, params), call.query.get('path') ?? '')
    const info = needBlob(region, blob)
    const body = region.blobs.open(blob)?.stream
    const type = info.headers.contentType
    return { status: 200, headers: { 'content-type': type, 'content-length': String(info.length) }, body }
  }
}

function upload(region: Region, folderOf: FolderOf): Handler {
  return async (call, params): Promise<Reply> => {
    const folder = folderOf(call, params)
    const path = call.query.get('path') ?? ''
    const blob = blobIn(region, folder, path)
    if (call.query.get('append') === 'true') throw notImplemented('artifacts_upload with append')
    await region.blobs.ensureContainer(blob.account, blob.container)
    const info = await region.blobs.put(blob, call.body)
    const sha256 = info.sha256 === null ? {} : { sha256: info.sha256 }
    return { status: 200, body: artifactJson(folder, path, info), note: { subject: blobSubject(blob), ...sha256 } }
  }
}
