import { createHash } from 'node:crypto'
import { send, type Target } from '../load.ts'
import { multiply } from './multiply.ts'
import type { HistoryServer } from './servers.ts'

/** What each run holds. */
export const SHAPE = { metrics: 20, points: 200, params: 30, tags: 20, files: 5 } as const

const FIRST = 1_750_000_000_000
const POINTS_A_CALL = 1000
const AT_ONCE = 4
/** Paths and lengths of the files of a run. */
const FILES = [
  ['log.txt', 4096],
  ['plots/loss.bin', 4096],
  ['plots/rate.bin', 4096],
  ['model/weights.bin', 65_536],
  ['model/readme.md', 512],
] as const

/** Runs that are made through the API; the rest are copies of them. */
const MADE = 10

/** Makes an experiment of finished runs, each of {@link SHAPE}. Returns their ids. */
export async function seed(server: HistoryServer, experiment: string, runs: number): Promise<readonly string[]> {
  const made = await send(server.target, 'POST', 'experiments/create', { name: experiment })
  const { experiment_id: id } = made as { experiment_id: string }
  const first = await addRuns(server.target, id, { first: 0, count: Math.min(runs, MADE) })
  return [...first, ...multiply(server, id, { of: first, count: runs - first.length })]
}

/** Adds finished runs to an experiment. */
async function addRuns(
  target: Target,
  experimentId: string,
  { first, count }: { readonly first: number; readonly count: number },
): Promise<readonly string[]> {
  const ids: string[] = []
  let next = first
  const worker = async () => {
    while (next < first + count) {
      const number = next++
      ids[number - first] = await addRun(target, experimentId, number)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return ids
}

async function addRun(target: Target, experiment: string, number: number): Promise<string> {
  const start = FIRST + number * 60_000
  const tags = pairs('tag', SHAPE.tags, number)
  const body = { experiment_id: experiment, run_name: `run ${number}`, user_id: 'ada', start_time: start, tags }
  const made = (await send(target, 'POST', 'runs/create', body)) as { run: { info: { run_id: string } } }
  const { run_id } = made.run.info
  await send(target, 'POST', 'runs/log-batch', { run_id, params: pairs('param', SHAPE.params, number) })
  const points = Array.from({ length: SHAPE.metrics * SHAPE.points }, (_, index) => {
    const step = Math.floor(index / SHAPE.metrics)
    const value = Math.sin(number * 7 + index) * 10
    return { key: `metric ${index % SHAPE.metrics}`, value, timestamp: start + step * 100, step }
  })
  for (let from = 0; from < points.length; from += POINTS_A_CALL) {
    await send(target, 'POST', 'runs/log-batch', { run_id, metrics: points.slice(from, from + POINTS_A_CALL) })
  }
  for (const [path, length] of FILES) await putFile(target, `${experiment}/${run_id}/artifacts/${path}`, length)
  await send(target, 'POST', 'runs/update', { run_id, status: 'FINISHED', end_time: start + 50_000 })
  return run_id
}

/** Gives runs that ended another tag, and a later end. */
export async function changeRuns(target: Target, ids: readonly string[]): Promise<void> {
  for (const run_id of ids) {
    await send(target, 'POST', 'runs/set-tag', { run_id, key: 'reviewed', value: String(Date.now()) })
    await send(target, 'POST', 'runs/update', { run_id, status: 'FINISHED', end_time: Date.now() })
  }
}

async function putFile(target: Target, path: string, length: number): Promise<void> {
  const answer = await target.dispatcher.request({
    origin: new URL(target.base).origin,
    path: `/api/2.0/mlflow-artifacts/artifacts/${path}`,
    method: 'PUT',
    body: bytesOf(path, length),
  })
  const text = await answer.body.text()
  if (answer.statusCode !== 200) throw new Error(`${path} was answered ${answer.statusCode}: ${text}`)
}

/** Bytes that no two files share. */
function bytesOf(name: string, length: number): Buffer {
  const block = createHash('sha512').update(name).digest()
  return Buffer.concat(Array.from({ length: Math.ceil(length / block.length) }, () => block)).subarray(0, length)
}

function pairs(of: string, count: number, run: number) {
  return Array.from({ length: count }, (_, index) => ({ key: `${of} ${index}`, value: `value ${index} of ${run}` }))
}
