import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { artifactRoutes } from '../../src/history/artifact-routes.ts'
import { assetUriRoutes } from '../../src/history/asset-uris.ts'
import { experimentRoutes } from '../../src/history/experiment-routes.ts'
import { metricRoutes } from '../../src/history/metric-routes.ts'
import { runRoutes } from '../../src/history/run-routes.ts'
import { vendorOperations } from '../../src/ml/unfinished.ts'
import { TRACKING_ROWS } from '../../src/mlflow/plane.ts'
import { openRegion } from '../../src/region.ts'

/** Who answers, and so in which shape a refusal comes. */
export type Face = 'arm' | 'history' | 'mlflow' | 'blob' | 'vault' | 'signin'

/** One operation to be tried: a path with `{parameters}`. */
export interface FuzzRoute {
  readonly face: Face
  readonly method: string
  readonly host: string
  readonly path: string
}

const ARM = 'management.azure.com'
const WORKSPACE = '/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.MachineLearningServices/workspaces/{w}'
const GROUP = '/subscriptions/{s}/resourceGroups/{g}'
const DEPLOYMENT = `${GROUP}/providers/Microsoft.Resources/deployments/{d}`
const ROLE = `${GROUP}/providers/Microsoft.Authorization/roleAssignments/{id}`
const STORAGE = `${GROUP}/providers/Microsoft.Storage/storageAccounts/{a}`
const SUBSCRIPTION = '/subscriptions/{s}'

/** The front's own part of ARM and the accounts, whose tables are made with the parts that answer. */
const FRONT: readonly (readonly [methods: string, path: string])[] = [
  ['GET', '/subscriptions'],
  ['GET', SUBSCRIPTION],
  ['GET', `${SUBSCRIPTION}/locations`],
  ['GET', '/tenants'],
  ['GET', `${SUBSCRIPTION}/providers/{n}`],
  ['POST', `${SUBSCRIPTION}/providers/{n}/register`],
  ['POST', `${SUBSCRIPTION}/providers/Microsoft.Storage/checkNameAvailability`],
  ['GET', `${SUBSCRIPTION}/resourceGroups`],
  ['GET PUT PATCH HEAD', '/subscriptions/{s}/resourceGroups/{other}'],
  ['GET', `${GROUP}/resources`],
  ['GET', `${SUBSCRIPTION}/resources`],
  ['GET', `${SUBSCRIPTION}/operationresults/{id}`],
  ['GET PUT HEAD DELETE', DEPLOYMENT],
  ['POST', `${DEPLOYMENT}/validate`],
  ['POST', `${DEPLOYMENT}/cancel`],
  ['POST', `${DEPLOYMENT}/exportTemplate`],
  ['POST', `${DEPLOYMENT}/whatIf`],
  ['GET', `${DEPLOYMENT}/operations`],
  ['GET', `${DEPLOYMENT}/operations/{id}`],
  ['GET', `${DEPLOYMENT}/operationStatuses/{id}`],
  ['GET', `${GROUP}/providers/Microsoft.Resources/deployments`],
  ['GET PUT DELETE', ROLE],
  ['GET', `${GROUP}/providers/Microsoft.Authorization/roleAssignments`],
  ['GET', `${GROUP}/providers/Microsoft.Authorization/roleDefinitions/{id}`],
  ['GET', `${GROUP}/providers/Microsoft.Authorization/permissions`],
  ['GET PUT PATCH DELETE HEAD', `${GROUP}/providers/Microsoft.KeyVault/vaults/{v}`],
  ['GET PUT PATCH DELETE', `${GROUP}/providers/{n}/things/{v}`],
  ['GET PUT PATCH DELETE', `${GROUP}/providers/{n}/things/{v}/below/{id}`],
  ['GET PUT PATCH', STORAGE],
  ['POST', `${STORAGE}/listKeys`],
  ['POST', `${STORAGE}/regenerateKey`],
  ['POST', `${STORAGE}/listAccountSas`],
  ['POST', `${STORAGE}/listServiceSas`],
  ['GET PUT', `${STORAGE}/blobServices/default`],
  ['GET', `${STORAGE}/blobServices/default/containers`],
  ['GET PUT PATCH DELETE', `${STORAGE}/blobServices/default/containers/{c}`],
]

const BLOB: readonly (readonly [methods: string, path: string])[] = [
  ['GET', '/?comp=list'],
  ['GET PUT', '/?restype=service&comp=properties'],
  ['POST', '/?restype=service&comp=userdelegationkey'],
  ['GET', '/?restype=account&comp=properties'],
  ['GET HEAD PUT DELETE', '/{c}?restype=container'],
  ['GET PUT', '/{c}?restype=container&comp=metadata'],
  ['GET PUT', '/{c}?restype=container&comp=acl'],
  ['PUT', '/{c}?restype=container&comp=lease'],
  ['GET', '/{c}?restype=container&comp=list'],
  ['GET HEAD PUT DELETE', '/{c}/{b}'],
  ['GET PUT', '/{c}/{b}?comp=metadata'],
  ['PUT', '/{c}/{b}?comp=properties'],
  ['PUT', '/{c}/{b}?comp=lease'],
  ['PUT', '/{c}/{b}?comp=snapshot'],
  ['PUT', '/{c}/{b}?comp=block&blockid=YQ%3D%3D'],
  ['GET PUT', '/{c}/{b}?comp=blocklist'],
  ['PUT', '/{c}/{b}?comp=appendblock'],
  ['PUT', '/{c}/{b}?comp=copy&copyid={id}'],
  ['PUT', '/{c}/{b}?comp=tier'],
  ['PUT', '/{c}/{b}?comp=page'],
  ['GET', '/{c}/{b}?comp=pagelist'],
  ['PUT', '/{c}/{b}?comp=seal'],
  ['GET', '/?comp=blobs&where={id}'],
  ['GET', '/{c}?restype=container&comp=blobs&where={id}'],
  ['POST', '/?comp=batch'],
  ['GET PUT', '/{c}/{b}?comp=tags'],
]

/** The data plane of registries, and what all clients ask before anything else. */
const DATA: readonly (readonly [methods: string, path: string])[] = [
  ['GET', '/registrymanagement/v1.0/registries/{r}/discovery'],
  [
    'GET PUT',
    '/mferp/managementfrontend/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.MachineLearningServices/registries/{r}/models/{name}',
  ],
  [
    'GET PUT',
    '/mferp/managementfrontend/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.MachineLearningServices/registries/{r}/environments/{name}/versions/{version}',
  ],
  ['POST', '/mferp/managementfrontend/assetstore/v1.0/{id}'],
  ['GET', '/discovery/workspaces/{id}'],
]

const VAULT: readonly (readonly [methods: string, path: string])[] = [
  ['GET PUT PATCH DELETE', '/secrets/{v}'],
  ['GET', '/secrets/{v}/{id}'],
  ['GET POST', '/{v}'],
]

const SIGN_IN: readonly (readonly [methods: string, path: string])[] = [
  ['POST', '/{t}/oauth2/v2.0/token'],
  ['POST', '/{t}/oauth2/token'],
  ['GET', '/{t}/v2.0/.well-known/openid-configuration'],
  ['GET', '/common/discovery/instance'],
  ['GET', '/{t}/discovery/v2.0/keys'],
]

/** Every operation that the emulator has a table for, and those that it names and does not do. */
export async function fuzzRoutes(place: {
  region: string
  account: string
  vault: string
}): Promise<readonly FuzzRoute[]> {
  const data = `${place.region}.api.azureml.ms`
  const vendor = vendorOperations().filter((one) => !destroys(one.method, one.path))
  const api = `/mlflow/v2.0${WORKSPACE}/api/2.0`
  return [
    ...vendor.map(({ method, path }): FuzzRoute => ({ face: 'arm', method, host: ARM, path })),
    ...spread('arm', ARM, FRONT),
    ...(await historyRows(place.region)).map(
      ([method, path]): FuzzRoute => ({ face: 'history', method, host: data, path }),
    ),
    ...TRACKING_ROWS.map(
      ([method, path]): FuzzRoute => ({ face: 'mlflow', method, host: data, path: `${api}/mlflow/${path}` }),
    ),
    ...spread('mlflow', data, [['GET PUT DELETE', `${api}/mlflow-artifacts/artifacts/{b}`]]),
    ...spread('arm', data, DATA),
    ...spread('blob', `${place.account}.blob.core.windows.net`, BLOB),
    ...spread('vault', `${place.vault}.vault.azure.net`, VAULT),
    ...spread('signin', 'login.microsoftonline.com', SIGN_IN),
  ]
}

/** What would take away the ground under all other requests. */
function destroys(method: string, path: string): boolean {
  return method === 'DELETE' && /\/workspaces\/\{\w+\}$/.test(path)
}

function spread(face: Face, host: string, rows: typeof FRONT): readonly FuzzRoute[] {
  return rows.flatMap(([methods, path]) => methods.split(' ').map((method) => ({ face, method, host, path })))
}

/** The tables of run history are made with a region, so one is opened and closed. */
async function historyRows(name: string): Promise<readonly (readonly [method: string, path: string])[]> {
  const root = mkdtempSync(join(tmpdir(), 'fuzz-'))
  const region = await openRegion({ name, root })
  const tables = [runRoutes, experimentRoutes, metricRoutes, artifactRoutes, assetUriRoutes]
  const rows = tables.flatMap((table) => table(region)).map(([method, path]) => [method, braced(path)] as const)
  await region.close()
  rmSync(root, { recursive: true, force: true })
  return rows
}

/** `:name` as `{name}`; two colons are one that is meant. */
function braced(path: string): string {
  return path.replaceAll(/::|:(\w+)/g, (_, name?: string) => (name === undefined ? ':' : `{${name}}`))
}
