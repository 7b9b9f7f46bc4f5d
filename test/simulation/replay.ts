import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { simulate } from './simulate.ts'

/**
 * `node test/simulation/replay.ts 42` plays one seed and prints everything that happens; `0..999` plays many, with
 * `--workers 2` on two cores.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { workers: { type: 'string', default: '1' }, every: { type: 'string', default: '1' } },
})
const [range = '0..99'] = positionals
const [first = 0, last = first] = range.split('..').map(Number)
const workers = Number(values.workers)
process.exitCode = workers > 1 ? await shared() : await played()

/** Plays every so manieth seed in a process of its own. */
async function shared(): Promise<number> {
  const codes = Array.from({ length: workers }, (_, index) => {
    const args = [...process.execArgv, import.meta.filename, `${first + index}..${last}`, '--every', String(workers)]
    const child = spawn(process.execPath, args, { stdio: 'inherit' })
    return new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
  })
  return Math.max(...(await Promise.all(codes)))
}

async function played(): Promise<number> {
  const began = performance.now()
  const counts = { seeds: 0, failedOver: 0, wrong: 0 }
  for (let seed = first; seed <= last; seed += Number(values.every)) {
    const { kind, violations, trace, digest, failovers } = await simulate(seed)
    if (first === last) process.stdout.write(`${trace.join('\n')}\n${digest}\n`)
    counts.seeds++
    if (failovers > 0) counts.failedOver++
    if (violations.length > 0) counts.wrong++
    for (const one of violations) process.stdout.write(`seed ${seed} (${kind}) ${one}\n`)
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  const { seeds, failedOver, wrong } = counts
  process.stdout.write(`${seeds} seeds, ${failedOver} failed over, ${wrong} went wrong, ${seconds} s\n`)
  return wrong === 0 ? 0 : 1
}
