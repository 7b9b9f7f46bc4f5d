import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'

/** One call as it was sent, and the ids of runs that it or its answer names. */
export interface Call {
  readonly side: 'source' | 'target'
  readonly method: string
  readonly path: string
  readonly type: string
  readonly body: Buffer
  readonly ids: readonly string[]
  readonly creates: boolean
}

export interface Recorder {
  /** Where to go instead of the servers. */
  readonly from: string
  readonly to: string
  readonly calls: readonly Call[]
  stop(): void
}

const IDS = /\b[0-9a-f]{32}\b/g

/** Stands before both servers and keeps every call that passes. */
export async function recorder(source: string, target: string): Promise<Recorder> {
  const calls: Call[] = []
  const doors = await Promise.all([door('source', source, calls), door('target', target, calls)])
  return { from: doors[0].base, to: doors[1].base, calls, stop: () => void doors.map(({ stop }) => stop()) }
}

async function door(side: Call['side'], base: string, calls: Call[]) {
  const pool = new Pool(base, { connections: 64 })
  const server = createServer(async (request, response) => {
    const body = await whole(request)
    const { method = 'GET', url: path = '/' } = request
    const type = request.headers['content-type'] ?? ''
    const answer = await send(pool, { method, path, type, body })
    const creates = path.endsWith('/runs/create')
    const own = new Set(`${path}${body.toString('latin1')}${creates ? answer.text : ''}`.match(IDS))
    calls.push({ side, method, path, type, body, ids: [...own], creates })
    response.writeHead(answer.status, { 'content-type': answer.type }).end(answer.bytes)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = () => {
    server.closeAllConnections()
    server.close()
    void pool.destroy()
  }
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}

/**
 * Sends the calls of every run again, with nothing computed between them, so many runs at once; the ids that the
 * target gave are replaced by those that it gives now. A call that reads of several runs is sent once, in its turn.
 * Returns runs a second.
 */
export async function replay(
  calls: readonly Call[],
  { source, target, width }: { readonly source: string; readonly target: string; readonly width: number },
): Promise<number> {
  const pools = { source: new Pool(source, { connections: 64 }), target: new Pool(target, { connections: 64 }) }
  const { jobs, runs } = jobsOf(calls)
  const waiting = jobs.values()
  const began = performance.now()
  const worker = async () => {
    for (const job of waiting) {
      const renamed = new Map<string, string>()
      for (const call of job) {
        const again = { ...call, path: inNames(call.path, renamed), body: bodyInNames(call, renamed) }
        const { status, text } = await send(pools[call.side], again)
        if (status >= 300 && status !== 404) throw new Error(`${call.path} was answered ${status}: ${text}`)
        if (call.creates) renamed.set(call.ids.at(-1) ?? '', JSON.parse(text).run.info.run_id)
      }
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  const seconds = (performance.now() - began) / 1000
  await Promise.all([pools.source.close(), pools.target.close()])
  return runs / seconds
}

/**
 * What one worker sends in a row: the calls of a run, of both sides, or one that reads of several runs, in the order in
 * which the first of each was sent. Calls that name no run that was carried are left out.
 */
export function jobsOf(calls: readonly Call[]): { readonly jobs: readonly (readonly Call[])[]; readonly runs: number } {
  const origins = new Map<string, string>()
  for (const { creates, ids } of calls) if (creates) origins.set(ids.at(-1) ?? '', ids[0] ?? '')
  const runs = new Map([...origins.values()].map((origin) => [origin, [] as Call[]]))
  const jobs = new Set<readonly Call[]>()
  for (const call of calls) {
    const named = new Set(call.ids.map((id) => origins.get(id) ?? id).filter((id) => runs.has(id)))
    const [first] = named
    if (first === undefined) continue
    // What is written to a run names it first, and then maybe its parent.
    const isShared = call.side === 'source' && named.size > 1
    const job = isShared ? [] : (runs.get(first) ?? [])
    job.push(call)
    jobs.add(job)
  }
  return { jobs: [...jobs], runs: runs.size }
}

function inNames(text: string, renamed: ReadonlyMap<string, string>): string {
  return text.replace(IDS, (id) => renamed.get(id) ?? id)
}

/** Files go as they are; only what is JSON names runs. */
function bodyInNames({ body, type }: Call, renamed: ReadonlyMap<string, string>): Buffer {
  return type.includes('json') ? Buffer.from(inNames(body.toString('utf8'), renamed)) : body
}

async function send(pool: Pool, { method, path, type, body }: Pick<Call, 'method' | 'path' | 'type' | 'body'>) {
  const answer = await pool.request({
    method: method as 'GET',
    path,
    headers: type === '' ? {} : { 'content-type': type },
    ...(body.length === 0 ? {} : { body }),
  })
  const bytes = Buffer.from(await answer.body.arrayBuffer())
  const given = String(answer.headers['content-type'] ?? 'application/octet-stream')
  return { status: answer.statusCode, bytes, type: given, text: bytes.toString('utf8') }
}

async function whole(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
