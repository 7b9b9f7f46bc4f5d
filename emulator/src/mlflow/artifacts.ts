import { posix } from 'node:path'
import type { Call, Reply } from '../call.ts'
import { artifactBlob, artifactFolder, blobSubject, entriesOf } from '../history/artifact-store.ts'
import { decoded, type Scoped } from '../history/scope.ts'
import { notImplemented, Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { UNFINISHED } from '../router.ts'
import type { BlobInfo } from '../storage/blobs.ts'
import { absent, invalid, ok, unlessEmpty } from './answers.ts'
import type { Request, Row } from './request.ts'
import { artifactUri } from './run-json.ts'
import { needRun } from './runs.ts'

export const ARTIFACT_ROWS: readonly Row[] = [['GET', 'artifacts/list', 'listArtifacts', list]]

/** Files of a run directly in a folder of it. A folder that is not there, and a file, have none. */
function list(request: Request): Reply {
  const run = needRun(request)
  const path = request.fields.text('path') ?? ''
  const folder = safe(path)
  const prefix = folder === '' ? '' : `${folder}/`
  const place = artifactBlob(request.region, request.scope.workspace, `${artifactFolder(run.id)}/${prefix}`)
  return ok({
    root_uri: artifactUri(request, run),
    files: unlessEmpty(entriesOf(request.region, place).map((entry) => fileJson(`${prefix}${entry.name}`, entry.size))),
  })
}

function fileJson(path: string, size: number | undefined): object {
  return size === undefined ? { path, is_dir: true } : { path, is_dir: false, file_size: size }
}

/** The path if it stays where it is put; MLflow's refusal of one that points elsewhere. */
function safe(path: string): string {
  const segments = path.split('/')
  const hostile = path.startsWith('/') || segments.includes('..') || path.includes('\0')
  if (hostile) throw invalid('Invalid path')
  return path === '' ? '' : posix.normalize(path).replace(/\/$/, '')
}

const PROXY = /^\/(?:ajax-)?api\/2\.0\/mlflow-artifacts\/(artifacts|mpu|presigned)(?:\/(.*))?$/

/** A call of the proxy: the file or folder that its path names. */
interface Proxied {
  readonly region: Region
  readonly call: Call
  readonly scope: Scoped
  /** Path of a file or folder; empty where there is none. */
  readonly path: string
  readonly blob: Ref
}

/** Method and path below `/api/2.0/mlflow-artifacts/`, MLflow's name of the operation, what answers. */
export const PROXY_ROWS: readonly (readonly [
  method: string,
  path: string,
  operation: string,
  answer: ((proxied: Proxied) => Reply | Promise<Reply>) | typeof UNFINISHED,
])[] = [
  ['GET', 'artifacts', 'listArtifacts', listFolder],
  ['GET', 'artifacts/*', 'downloadArtifact', download],
  ['PUT', 'artifacts/*', 'uploadArtifact', upload],
  ['DELETE', 'artifacts/*', 'deleteArtifact', remove],
  ['POST', 'mpu/*', 'createMultipartUpload', UNFINISHED],
  ['GET', 'presigned/*', 'getPresignedDownloadUrl', UNFINISHED],
]

/** True for a path below the workspace that the artifact proxy answers. */
export function isArtifactProxy(rest: string): boolean {
  return PROXY.test(rest)
}

/**
 * MLflow's artifact proxy, through which a client without Microsoft's plugin reads and writes bytes.
 * Its paths are names of blobs in the workspace's artifact store.
 */
export async function artifactProxy(region: Region, call: Call, scope: Scoped): Promise<Reply> {
  const [, family = '', encoded = ''] = PROXY.exec(scope.rest) ?? []
  const wanted = encoded === '' ? family : `${family}/*`
  const row = PROXY_ROWS.find(([method, path]) => method === call.method && path === wanted)
  if (row === undefined) {
    throw new Refusal(404, 'ENDPOINT_NOT_FOUND', `No endpoint found for ${call.method} ${scope.rest}`)
  }
  const [, , operation, answer] = row
  call.operation = operation
  // In these words the real server says so, and the client then sends the file in one piece.
  if (family === 'mpu') throw new Refusal(501, 'NOT_IMPLEMENTED', MULTIPART)
  if (answer === UNFINISHED) throw notImplemented(operation)
  await call.admitted?.()
  const path = safe(decoded(encoded))
  return answer({ region, call, scope, path, blob: artifactBlob(region, scope.workspace, path) })
}

const MULTIPART = 'Multipart upload is not supported for the current artifact repository'

function listFolder({ region, call, scope }: Proxied): Reply {
  const folder = safe(call.query.get('path') ?? '')
  const place = artifactBlob(region, scope.workspace, folder === '' ? '' : `${folder}/`)
  return ok({ files: unlessEmpty(entriesOf(region, place).map(({ name, size }) => fileJson(name, size))) })
}

type Ref = Parameters<Region['blobs']['put']>[0]

function download({ region, blob, path }: Proxied): Reply {
  const opened = region.blobs.open(blob)
  if (opened === undefined) throw absent(`No such artifact: '${path}'`)
  const file = posix.basename(path)
  return {
    status: 200,
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(opened.info.length),
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(file)}`,
      'x-content-type-options': 'nosniff',
    },
    body: opened.stream,
  }
}

async function upload({ region, call, blob }: Proxied): Promise<Reply> {
  await region.blobs.ensureContainer(blob.account, blob.container)
  return ok({}, noteOf(await region.blobs.put(blob, call.body)))
}

function noteOf(info: BlobInfo): NonNullable<Reply['note']> {
  return {
    subject: blobSubject(info),
    facts: { etag: info.etag, length: info.length },
    ...(info.sha256 === null ? {} : { sha256: info.sha256 }),
  }
}

/** Removes a file, or a folder with all that is in it. What is not there is success. */
async function remove({ region, blob }: Proxied): Promise<Reply> {
  await region.blobs.remove(blob)
  for (const one of region.blobs.list(blob.account, blob.container, { prefix: `${blob.name}/` })) {
    await region.blobs.remove(one)
  }
  return ok({}, { subject: blobSubject(blob) })
}
