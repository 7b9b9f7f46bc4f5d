import { parseArgs } from 'node:util'
import { simulate } from './simulate.ts'

/** `node test/simulation/replay.ts 42` plays one seed and prints everything that happens; `0..999` plays many. */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { every: { type: 'string', default: '1' } },
})
const [range = '0..99'] = positionals
const [first = 0, last = first] = range.split('..').map(Number)
const began = performance.now()
const slowest = new Map<string, number>()
let wrong = 0
let lost = 0
for (let seed = first; seed <= last; seed += Number(values.every)) {
  const outcome = await simulate(seed)
  const { kind, violations, trace, answeredAfter = 0 } = outcome
  if (first === last) process.stdout.write(`${trace.join('\n')}\n${outcome.digest}\n`)
  if (outcome.failovers > 0) lost++
  slowest.set(kind, Math.max(slowest.get(kind) ?? 0, answeredAfter))
  if (violations.length > 0) wrong++
  for (const one of violations) process.stdout.write(`seed ${seed} (${kind}) ${one}\n`)
}
const seconds = (performance.now() - began) / 1000
process.stdout.write(`${last - first + 1} seeds, ${lost} failed over, ${wrong} went wrong, ${seconds.toFixed(1)} s\n`)
process.exitCode = wrong === 0 ? 0 : 1
