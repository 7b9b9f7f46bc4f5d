import { posix } from 'node:path'
import type { Reply } from '../call.ts'
import { artifactBlob, artifactFolder, blobSubject } from '../history/artifact-store.ts'
import { lookup } from '../lookup.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import type { BlobInfo } from '../storage/blobs.ts'
import { absent, invalid, ok } from './answers.ts'
import { artifactPathOf, ModelStore } from './model-store.ts'
import type { Request, Row } from './request.ts'
import { needRun } from './runs.ts'

/** Pages of MLflow's server that stand beside its API: path below the workspace, fields in the query. */
export const FILE_ROWS: readonly Row[] = [
  ['GET', 'get-artifact', 'getArtifact', ofRun],
  ['GET', 'model-versions/get-artifact', 'getModelVersionArtifact', ofVersion],
  ['POST', 'ajax-api/2.0/mlflow/upload-artifact', 'uploadRunArtifact', upload],
]

type Ref = Parameters<Region['blobs']['put']>[0]

/** The path if it stays where it is put; MLflow's refusal of one that points elsewhere. */
export function safe(path: string): string {
  const plain = unquoted(path)
  const hostile = plain.startsWith('/') || plain.split('/').includes('..') || /[\0#]/.test(plain)
  if (hostile) throw invalid('Invalid path')
  return path === '' ? '' : posix.normalize(path).replace(/\/$/, '')
}

/** The text without percent-encoding, however often it was encoded. */
export function unquoted(text: string): string {
  try {
    const once = decodeURIComponent(text)
    return once === text ? text : unquoted(once)
  } catch {
    return text
  }
}

/** The bytes of a file as MLflow's server sends them: never shown by a browser, of a type that its name tells. */
export function download(region: Region, blob: Ref, path: string): Reply {
  const opened = region.blobs.open(blob)
  if (opened === undefined) throw absent(`No such artifact: '${path}'`)
  const file = posix.basename(path)
  return {
    status: 200,
    headers: {
      'content-type': mediaTypeOf(file),
      'content-length': String(opened.info.length),
      'content-disposition': `attachment; ${fileName(file)}`,
      'x-content-type-options': 'nosniff',
    },
    body: opened.stream,
  }
}

/** What the record keeps of a file that was written. */
export function noteOf(info: BlobInfo): NonNullable<Reply['note']> {
  return {
    subject: blobSubject(info),
    facts: { etag: info.etag, length: info.length },
    ...(info.sha256 === null ? {} : { sha256: info.sha256 }),
  }
}

/** The name as RFC 6266 writes it: a token or a quoted string, and beside it in UTF-8 where it is not ASCII. */
function fileName(name: string): string {
  const plain = name.normalize('NFKD').replace(/[^\x20-\x7e]/g, '') || 'download'
  const quoted = /^[\w!#$%&'*+\-.^`|~]+$/.test(plain) ? plain : `"${plain.replace(/["\\]/g, '\\$&')}"`
  return plain === name ? `filename=${quoted}` : `filename=${quoted}; filename*=UTF-8''${encodeURIComponent(name)}`
}

const TEXTS =
  /^(txt|log|err|cfg|conf|cnf|cf|ini|properties|prop|hocon|toml|yaml|yml|xml|json|js|py|py3|csv|tsv|md|rst|ipynb|MLmodel|mlproject)$/

const MEDIA_TYPES: Readonly<Record<string, string>> = lookup({
  avi: 'video/x-msvideo',
  bmp: 'image/bmp',
  css: 'text/css',
  gif: 'image/gif',
  htm: 'text/html',
  html: 'text/html',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  pdf: 'application/pdf',
  png: 'image/png',
  svg: 'image/svg+xml',
  tar: 'application/x-tar',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  wav: 'audio/x-wav',
  webm: 'video/webm',
  webp: 'image/webp',
  zip: 'application/zip',
})

/** Media type of a file, by its name alone (`mlflow/utils/mime_type_utils.py`). */
function mediaTypeOf(file: string): string {
  const dot = file.lastIndexOf('.')
  const extension = dot <= 0 ? file : file.slice(dot + 1)
  if (TEXTS.test(extension)) return 'text/plain'
  return MEDIA_TYPES[extension.toLowerCase()] ?? 'application/octet-stream'
}

function ofRun(request: Request): Reply {
  const path = safe(request.fields.text('path') ?? '')
  const folder = artifactFolder(needRun(request).id)
  return download(request.region, artifactBlob(request.region, request.scope.workspace, `${folder}/${path}`), path)
}

function ofVersion(request: Request): Reply {
  const { region, scope, fields } = request
  const path = safe(fields.text('path') ?? '')
  const store = new ModelStore(request)
  const source = store.originOf(store.needVersion(fields.need('name'), fields.need('version')))
  const folder = artifactPathOf(source)
  if (folder === undefined) throw absent(`No such artifact: '${path}'`)
  return download(region, artifactBlob(region, scope.workspace, posix.join(folder, path)), path)
}

const LARGEST = 10 * 1024 * 1024

/** Takes one file for a run, as MLflow's pages send it. */
async function upload(request: Request): Promise<Reply> {
  const { region, scope, fields, call } = request
  if (!fields.text('run_uuid')) throw invalid('Request must specify run_uuid.')
  if (!fields.text('path')) throw invalid('Request must specify path.')
  const path = safe(fields.need('path'))
  const data = await call.bytes(LARGEST).catch((thrown: unknown) => {
    throw thrown instanceof Refusal && thrown.status === 413
      ? invalid('Artifact size is too large. Max size is 10MB.')
      : thrown
  })
  if (data.length === 0) throw invalid('Request must specify data.')
  const run = needRun(request)
  const blob = artifactBlob(region, scope.workspace, `${artifactFolder(run.id)}/${path}`)
  await region.blobs.ensureContainer(blob.account, blob.container)
  return ok({}, noteOf(await region.blobs.put(blob, data)))
}
