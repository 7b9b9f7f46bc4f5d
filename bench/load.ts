import { readFileSync } from 'node:fs'
import { type Dispatcher, Pool, ProxyAgent } from 'undici'

/** One server of MLflow's API as the load generator sees it. */
export interface Target {
  readonly name: string
  /** Everything before `/api/2.0/mlflow/`. */
  readonly base: string
  readonly token: string | undefined
  readonly dispatcher: Dispatcher
}

/** A target reached by plain HTTP on connections that are kept. */
export function plainTarget(name: string, base: string, connections: number): Target {
  const dispatcher = new Pool(new URL(base).origin, { connections, pipelining: 1 })
  return { name, base, token: undefined, dispatcher }
}

/** A target reached as Azure is: HTTPS through the CONNECT proxy, on tunnels that are kept. */
export function tunnelledTarget(
  name: string,
  base: string,
  reach: { readonly proxy: string; readonly ca: string; readonly token: string; readonly connections: number },
): Target {
  const { proxy, ca, token, connections } = reach
  const dispatcher = new ProxyAgent({ uri: proxy, requestTls: { ca: readFileSync(ca) }, connections, pipelining: 1 })
  return { name, base, token, dispatcher }
}

/** Sends one request and gives the JSON of a 200; anything else ends the benchmark. */
export async function send(target: Target, method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> {
  const url = new URL(`${target.base}/api/2.0/mlflow/${path}`)
  const answer = await target.dispatcher.request({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method,
    headers: {
      'content-type': 'application/json',
      ...(target.token === undefined ? {} : { authorization: `Bearer ${target.token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.body.text()
  if (answer.statusCode !== 200) throw new Error(`${target.name}: ${path} was answered ${answer.statusCode}: ${text}`)
  return JSON.parse(text)
}

/** Calls a second of some clients, each of which sends its next call when the one before is answered. */
export async function rateOf(
  clients: number,
  milliseconds: number,
  call: (client: number, turn: number) => Promise<unknown>,
): Promise<number> {
  const began = performance.now()
  const counts = await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      let turn = 0
      while (performance.now() - began < milliseconds) await call(client, turn++)
      return turn
    }),
  )
  return (counts.reduce((sum, count) => sum + count, 0) / (performance.now() - began)) * 1000
}

/** The value below which a share of the numbers lies. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => row.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  ')).join('\n')
}
