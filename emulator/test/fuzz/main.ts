import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.ts'

/** `npm run fuzz`: mutated requests to every route of the emulator, and every kind of template expression. */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1e6) },
    seconds: { type: 'string', default: '120' },
    each: { type: 'string', default: '1000' },
  },
})
const [seed, seconds, each] = [Number(values.seed), Number(values.seconds), Number(values.each)]
process.stdout.write(`seed ${seed}, at most ${seconds} s\n`)
const { requests, routes, findings } = await fuzz({ seed, seconds, each })
for (const { request, wrong } of findings) process.stdout.write(`\n${request}\n  → ${wrong}\n`)
process.stdout.write(`\n${requests} requests to ${routes} routes, ${findings.length} answers not as they must be\n`)
process.exit(findings.length === 0 ? 0 : 1)
