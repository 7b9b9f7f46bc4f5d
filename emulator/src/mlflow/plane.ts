import { bearer } from '../arm/authenticate.ts'
import type { Call, Offer, Plane, Reply } from '../call.ts'
import { isDataPlane, scopeOf } from '../history/scope.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { UNFINISHED } from '../router.ts'
import { FILE_ROWS } from './artifact-files.ts'
import { ARTIFACT_ROWS, artifactProxy, isArtifactProxy, PROXY_ROWS } from './artifacts.ts'
import { EXPERIMENT_ROWS } from './experiments.ts'
import { fieldsOf, ofQuery } from './fields.ts'
import { LOGGING_ROWS } from './logging.ts'
import { METRIC_ROWS } from './metric-history.ts'
import { openModels } from './model-store.ts'
import { MODEL_VERSION_ROWS } from './model-versions.ts'
import { REGISTERED_MODEL_ROWS } from './registered-models.ts'
import type { Row } from './request.ts'
import { RUN_ROWS } from './runs.ts'

/** Every operation of tracking and registry, from the tables by which they are answered. */
export const TRACKING_ROWS: readonly Row[] = [
  ...EXPERIMENT_ROWS,
  ...RUN_ROWS,
  ...LOGGING_ROWS,
  ...METRIC_ROWS,
  ...ARTIFACT_ROWS,
  ...REGISTERED_MODEL_ROWS,
  ...MODEL_VERSION_ROWS,
]

const ROWS = new Map<string, Row>(TRACKING_ROWS.map((row) => [`${row[0]} ${row[1]}`, row]))

const FILES = new Map<string, Row>(FILE_ROWS.map((row) => [`${row[0]} /${row[1]}`, row]))

const OFFERS: readonly Offer[] = [
  ...[...ROWS.values()].map(([method, path, operation]) => offer(method, `mlflow/${path}`, operation, true)),
  ...PROXY_ROWS.map(([method, path, operation, answer]) => {
    return offer(method, `mlflow-artifacts/${path}`, operation, answer !== UNFINISHED)
  }),
  ...FILE_ROWS.map(([method, path, operation]) => ({ method, path: `/${path}`, operation, served: true })),
]

function offer(method: string, path: string, operation: string, served: boolean): Offer {
  return { method, path: `/api/2.0/${path}`, operation, served }
}

const API = /^\/(?:ajax-)?api\/2\.0\/(?:preview\/)?mlflow\/(.*)$/

/**
 * MLflow's tracking, registry and artifact API of every workspace of a region. It is MLflow 2, as Azure ML
 * has it: logged models, traces and the rest of MLflow 3 are answered as endpoints that do not exist.
 */
export function mlflow(region: Region): Plane {
  openModels(region)
  return {
    name: 'mlflow',
    offers: OFFERS,
    serves: (host, path) => isDataPlane(region, host) && path.startsWith('/mlflow/'),
    authenticate: (call) => bearer(call, region.tokens),
    handle: (call) => handle(region, call),
    refuse: refusalJson,
  }
}

async function handle(region: Region, call: Call): Promise<Reply> {
  const scope = scopeOf(region, call)
  if (isArtifactProxy(scope.rest)) return artifactProxy(region, call, scope)
  const path = API.exec(scope.rest)?.[1]
  const file = FILES.get(`${call.method} ${scope.rest}`)
  const row = path === undefined ? file : (ROWS.get(`${call.method} ${path.replace(/\/$/, '')}`) ?? file)
  if (row === undefined) {
    throw new Refusal(404, 'ENDPOINT_NOT_FOUND', `No endpoint found for ${call.method} ${scope.rest}`)
  }
  call.operation = row[2]
  await call.admitted?.()
  await ensureDefault(region, scope.workspace)
  return row[3]({ region, call, scope, fields: row === file ? ofQuery(call) : await fieldsOf(call) })
}

/** A workspace has the experiment `Default` from the start; here, from the first call. */
async function ensureDefault(region: Region, workspace: string): Promise<void> {
  const { runs, db } = region
  if (runs.experiments.named(workspace, 'Default') !== undefined) return
  await db.write(() => runs.experiment(workspace, 'Default'))
}

/** A refusal in MLflow's envelope. */
export function refusalJson(refusal: Parameters<Plane['refuse']>[0]): Reply {
  const { status, code, message, headers } = refusal
  return { status, headers, body: { error_code: CODES[code] ?? code, message } }
}

/** Codes of other parts of the region in MLflow's words. */
const CODES: Readonly<Record<string, string>> = {
  AuthenticationFailed: 'UNAUTHENTICATED',
  InvalidAuthenticationToken: 'UNAUTHENTICATED',
  InvalidAuthenticationTokenAudience: 'UNAUTHENTICATED',
  WorkspaceNotFound: 'RESOURCE_DOES_NOT_EXIST',
  ResourceNotFound: 'RESOURCE_DOES_NOT_EXIST',
  TooManyRequests: 'REQUEST_LIMIT_EXCEEDED',
  InternalServerError: 'INTERNAL_ERROR',
  NotImplemented: 'NOT_IMPLEMENTED',
  NotFound: 'ENDPOINT_NOT_FOUND',
}
