import type { Call, Reply } from '../call.ts'
import { artifactBlob, artifactFolder, blobSubject, entriesOf } from '../history/artifact-store.ts'
import { decoded, type Scoped } from '../history/scope.ts'
import { notImplemented, Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { UNFINISHED } from '../router.ts'
import { ok, unlessEmpty } from './answers.ts'
import { download, noteOf, safe } from './artifact-files.ts'
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
  ['GET', 'artifacts/*', 'downloadArtifact', ({ region, blob, path }) => download(region, blob, path)],
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

async function upload({ region, call, blob }: Proxied): Promise<Reply> {
  await region.blobs.ensureContainer(blob.account, blob.container)
  return ok({}, noteOf(await region.blobs.put(blob, call.body)))
}

/** Removes a file, or a folder with all that is in it. What is not there is success. */
async function remove({ region, blob }: Proxied): Promise<Reply> {
  await region.blobs.remove(blob)
  for (const one of region.blobs.list(blob.account, blob.container, { prefix: `${blob.name}/` })) {
    await region.blobs.remove(one)
  }
  return ok({}, { subject: blobSubject(blob) })
}
