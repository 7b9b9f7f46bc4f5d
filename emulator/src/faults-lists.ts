import type { Call, Reply } from './call.ts'

/** Query parameters that go on with a list where a page of it ended. */
const TOKENS = ['$skip', '$skiptoken', 'marker', 'page_token', 'continuationtoken']

/** True for a request that read a list, by the ways in which Azure's and MLflow's APIs ask for one. */
export function asksForList(call: Call & { readonly plane: string }): boolean {
  const { method, path, query, plane, operation } = call
  if (method === 'POST') return /[/:](?:list|search|query)$/i.test(path)
  if (method !== 'GET') return false
  if (plane === 'blob') return query.get('comp') === 'list'
  if (plane === 'arm') return isCollection(path)
  if (plane === 'mlflow') return /\/(?:list|search|get-history)$/i.test(path) || operation === 'listArtifacts'
  return plane === 'history' && /_list_|_get_child$/.test(operation)
}

/** Last names in the paths of actions that only ask, as ARM, MLflow and run history have them. */
const ASKS =
  /[/:](?:list\w*|search|search-datasets|query|get\w*|get-latest-versions|batchGet\w*|check\w*|rundata|batchrundata|runIds|full|sample|token|validate|exportTemplate)$/i
/** Where the bytes of a registry's asset are. */
const REFERS = /\/data(?:refs|references)\/[^/]+\/versions\/[^/]+$/i
/** Run history creates an experiment under a name that may be any of those. */
const NEW_EXPERIMENT = /^\/history\/.*\/experiments\/[^/:]+$/i
/** Those of them that bring a list by pages and take the token of the next one in their body. */
const PAGED = /[/:](?:list|search|query|full|sample)$/i

/** True for a POST that only asks: a search, a query. */
export function readsByPost({ method, path, query }: Pick<Call, 'method' | 'path' | 'query'>): boolean {
  if (method !== 'POST') return false
  if (query.get('comp')?.toLowerCase() === 'userdelegationkey') return true
  return REFERS.test(path) || (ASKS.test(path) && !NEW_EXPERIMENT.test(path))
}

/** Types and names take turns behind a provider; a path that ends in a type is a list. */
function isCollection(path: string): boolean {
  const [, below] = /^.*\/providers\/[^/]+\/(.+)$/i.exec(path) ?? []
  if (below === undefined) return /\/(?:resourceGroups|resources)\/?$/i.test(path)
  return below.split('/').filter((segment) => segment !== '').length % 2 === 1
}

/** The token with which a request goes on with a list, or `undefined` for the first page. */
export async function tokenOf(call: Call): Promise<string | undefined> {
  for (const [name, value] of call.query) if (TOKENS.includes(name.toLowerCase()) && value !== '') return value
  if (call.method !== 'POST' || !PAGED.test(call.path)) return undefined
  const body = await call.json()
  return typeof body === 'object' && body !== null
    ? tokenIn(body as Readonly<Record<string, unknown>>, TOKENS)
    : undefined
}

/** The token that leads on from a page, or `undefined` where it is the last one or no page. */
export function nextTokenOf({ body }: Reply): string | undefined {
  if (typeof body === 'string' || Buffer.isBuffer(body)) {
    return /<NextMarker>([^<]+)<\/NextMarker>/.exec(body.toString())?.[1]
  }
  if (typeof body !== 'object' || body === null) return undefined
  const json = body as Readonly<Record<string, unknown>>
  const link = json['nextLink']
  if (typeof link === 'string' && URL.canParse(link)) {
    for (const [name, value] of new URL(link).searchParams) if (TOKENS.includes(name.toLowerCase())) return value
  }
  return tokenIn(json, ['next_page_token', 'continuationtoken'])
}

function tokenIn(json: Readonly<Record<string, unknown>>, names: readonly string[]): string | undefined {
  for (const [name, value] of Object.entries(json)) {
    if (names.includes(name.toLowerCase()) && typeof value === 'string' && value !== '') return value
  }
  return undefined
}
