import { createServer, type IncomingMessage } from 'node:http'
import { parseArgs } from 'node:util'

/**
 * A tracking server of MLflow's API whose history is generated as it is asked for: so many finished runs of one
 * experiment, of which the last few ended in the last minutes. With `--replica` they are what a copy of them leaves.
 * What is created is kept in memory; points are counted. Prints its URI; ends with its standard input.
 */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '0' },
    recent: { type: 'string', default: '0' },
    replica: { type: 'boolean', default: false },
    /** Calls a second of `log-batch` and of searches; 0 for no limit. */
    'log-batch': { type: 'string', default: '0' },
    search: { type: 'string', default: '0' },
    metrics: { type: 'string', default: '2' },
    points: { type: 'string', default: '3' },
  },
})
const [runs, recent, keys, points] = [values.runs, values.recent, values.metrics, values.points].map(Number) as [
  number,
  number,
  number,
  number,
]

const EXPERIMENT = { experiment_id: '1', name: 'bench', lifecycle_stage: 'active', tags: [] }
const FIRST = 1_600_000_000_000
const PAGE = 1000
const NOW = Date.now()

type Body = Readonly<Record<string, unknown>>
interface Run {
  readonly info: Record<string, unknown>
  readonly data: { readonly params: unknown[]; readonly tags: { key: string; value: string }[]; metrics: unknown[] }
}

const created = new Map<string, Run>()

function idOf(number: number, prefix: string): string {
  return prefix + number.toString(16).padStart(31, '0')
}

/** A generated run as it was made; runs that changed ended in the last minute, which their replicas do not know. */
function generated(number: number): Run {
  const own = idOf(number, values.replica ? 'b' : 'a')
  const start = FIRST + number * 1000
  const isRecent = number >= runs - recent
  const end = isRecent && !values.replica ? NOW - 1000 : start + 500
  const mark = { key: 'holdfast.source_run_id', value: idOf(number, 'a') }
  const tags = [{ key: 'mlflow.runName', value: `run ${number}` }, ...(values.replica ? [mark] : [])]
  const metrics = Array.from({ length: keys }, (_, key) => pointOf(number, key, points - 1))
  const info = { run_id: own, run_uuid: own, run_name: `run ${number}`, user_id: 'ada', experiment_id: '1' }
  const rest = { status: 'FINISHED', start_time: start, end_time: end, lifecycle_stage: 'active' }
  const artifact_uri = `mlflow-artifacts:/1/${own}/artifacts`
  return {
    info: { ...info, ...rest, artifact_uri },
    data: { params: [{ key: 'rate', value: String(number) }], tags, metrics },
  }
}

function pointOf(run: number, key: number, step: number) {
  return { key: `metric ${key}`, value: run + step / 8, timestamp: FIRST + run * 1000 + step, step }
}

function runOf(id: string): Run | undefined {
  const made = created.get(id)
  if (made !== undefined) return made
  const number = Number.parseInt(id.slice(1), 16)
  return id.startsWith(values.replica ? 'b' : 'a') && number < runs ? generated(number) : undefined
}

/** Numbers of the generated runs that a filter takes, from the one at which a page begins. */
function chosen(filter: string, from: number): readonly number[] {
  const end = /end_time >= (\d+)/.exec(filter)?.[1]
  const start = /start_time >= (\d+)/.exec(filter)?.[1]
  const source = /source_run_id" = '(\w+)'/.exec(filter)?.[1]
  const all = (first: number, last: number) =>
    Array.from({ length: Math.max(0, Math.min(PAGE, last - first)) }, (_, index) => first + index)
  if (filter.includes('status')) return []
  if (source !== undefined) {
    const number = Number.parseInt(source.slice(1), 16)
    return values.replica && from === 0 && number < runs ? [number] : []
  }
  if (filter.includes('LIKE')) return values.replica ? all(from, runs) : []
  if (start !== undefined) return all(Math.max(from, Math.ceil((Number(start) - FIRST) / 1000)), runs)
  // Ends rise with numbers, but for those that ended late, which are the last.
  if (end !== undefined) return all(Math.max(from, values.replica ? runs : runs - recent), runs)
  return all(from, runs)
}

function search({ filter = '', page_token: token = '0', experiment_ids: ids }: Body): unknown {
  if (!(ids as readonly string[]).includes('1')) return {}
  const numbers = chosen(String(filter), Number(token))
  const found = numbers.map(generated)
  const made = token === '0' && (filter === '' || String(filter).includes('LIKE')) ? [...created.values()] : []
  const last = numbers.at(-1)
  const more = last !== undefined && numbers.length === PAGE && last + 1 < runs
  return { runs: [...found, ...made], ...(more ? { next_page_token: String(last + 1) } : {}) }
}

function create(body: Body): unknown {
  const id = idOf(created.size, 'c')
  const { tags = [], ...info } = body
  const artifact_uri = `mlflow-artifacts:/1/${id}/artifacts`
  const run = {
    info: { ...info, run_id: id, run_uuid: id, status: 'RUNNING', lifecycle_stage: 'active', artifact_uri },
    data: { params: [], tags: tags as Run['data']['tags'], metrics: [] },
  }
  created.set(id, run)
  return { run }
}

function log({ run_id: id, params = [], metrics = [], tags = [] }: Body): unknown {
  const run = runOf(String(id))
  if (run === undefined) return {}
  created.set(String(id), run)
  run.data.params.push(...(params as unknown[]))
  run.data.tags.push(...(tags as Run['data']['tags']))
  const last = new Map((run.data.metrics as { key: string }[]).map((one) => [one.key, one]))
  for (const one of metrics as { key: string }[]) last.set(one.key, one)
  run.data.metrics = [...last.values()]
  return {}
}

function update({ run_id: id, ...change }: Body): unknown {
  const run = runOf(String(id))
  if (run !== undefined) created.set(String(id), run)
  Object.assign(run?.info ?? {}, change)
  return {}
}

function history(query: URLSearchParams): unknown {
  const [id, key] = [query.get('run_id') ?? '', Number((query.get('metric_key') ?? '').slice('metric '.length))]
  const number = Number.parseInt(id.slice(1), 16)
  const from = Number(query.get('page_token') ?? 0)
  const count = Math.min(points - from, Number(query.get('max_results') ?? points))
  const metrics = Array.from({ length: count }, (_, step) => pointOf(number, key, from + step))
  return { metrics, ...(from + count < points ? { next_page_token: String(from + count) } : {}) }
}

function histories(query: URLSearchParams): unknown {
  const key = Number((query.get('metric_key') ?? '').slice('metric '.length))
  const metrics = [...new Set(query.getAll('run_id'))].flatMap((run_id) => {
    const number = Number.parseInt(run_id.slice(1), 16)
    return Array.from({ length: points }, (_, step) => ({ ...pointOf(number, key, step), run_id }))
  })
  return { metrics: metrics.slice(0, Number(query.get('max_results'))) }
}

const ROUTES: Readonly<Record<string, (body: Body, query: URLSearchParams) => unknown>> = {
  'experiments/search': () => ({ experiments: [EXPERIMENT] }),
  'experiments/get-by-name': () => ({ experiment: EXPERIMENT }),
  'runs/search': search,
  'runs/get': (_, query) => ({ run: runOf(query.get('run_id') ?? '') }),
  'runs/create': create,
  'runs/log-batch': log,
  'runs/update': update,
  'metrics/get-history': (_, query) => history(query),
  'metrics/get-history-bulk': (_, query) => histories(query),
  'registered-models/search': () => ({}),
  'mlflow-artifacts/artifacts': () => ({ files: [] }),
}

/** A bucket that holds what a second permits, as a server counts. */
function bucket(perSecond: number) {
  let [tokens, at] = [perSecond, performance.now()]
  return () => {
    if (perSecond === 0) return true
    const now = performance.now()
    tokens = Math.min(perSecond, tokens + ((now - at) / 1000) * perSecond)
    at = now
    if (tokens < 1) return false
    tokens -= 1
    return true
  }
}

const limits = new Map([
  ['runs/log-batch', bucket(Number(values['log-batch']))],
  ['runs/search', bucket(Number(values.search))],
])
const counts = new Map<string, { taken: number; refused: number; first: number; last: number }>()

function count(route: string, isTaken: boolean): void {
  const before = counts.get(route) ?? { taken: 0, refused: 0, first: Date.now(), last: 0 }
  before[isTaken ? 'taken' : 'refused'] += 1
  before.last = Date.now()
  counts.set(route, before)
}

async function bodyOf(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString('utf8'))
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? '/', 'http://here')
  const route = url.pathname.replace(/^\/(ajax-)?api\/2.0\/(mlflow\/)?/, '')
  const body = await bodyOf(request)
  if (route === '/counts') {
    response.end(JSON.stringify(Object.fromEntries(counts)))
    return
  }
  const isTaken = limits.get(route)?.() ?? true
  count(route, isTaken)
  const answer = isTaken ? ROUTES[route]?.(body, url.searchParams) : undefined
  if (!isTaken) response.writeHead(429, { 'retry-after': '1' }).end('{"error_code":"REQUEST_LIMIT_EXCEEDED"}')
  else if (answer === undefined) response.writeHead(404).end('{"error_code":"ENDPOINT_NOT_FOUND"}')
  else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}\n`)
})
process.stdin.resume().on('end', () => process.exit())
