import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measureAgain, measureCopies } from './copying.ts'
import { measureGrowth, measureLimits, measureMemory } from './simulated.ts'

/** Measures `holdfast history copy` beside mlflow-export-import. See ../readme.md for what the numbers mean. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const { values } = parseArgs({
  options: {
    /** Parts of the benchmark, by commas. */
    part: { type: 'string', default: 'copy,again,growth,limits,memory' },
    /** A Python that has all of `mlflow`, not only its client. */
    python: { type: 'string', default: join(root, '.venv', 'bin', 'python') },
    runs: { type: 'string', default: '100' },
    repeats: { type: 'string', default: '5' },
    /** Round trips in milliseconds, by commas. */
    delays: { type: 'string', default: '0,30' },
    /** Leaves out the peer with --use-threads. */
    /** Lengths of generated histories, by commas. */
    histories: { type: 'string', default: '10000,1000000' },
    /** Runs that are copied under a limit. */
    'limited-runs': { type: 'string', default: '900' },
    'no-threads': { type: 'boolean', default: false },
  },
})

const options = {
  python: values.python,
  runs: Number(values.runs),
  repeats: Number(values.repeats),
  delays: values.delays.split(',').map(Number),
  histories: values.histories.split(',').map(Number),
  limitedRuns: Number(values['limited-runs']),
  threads: !values['no-threads'],
  say: (text: string) => void process.stdout.write(text),
}

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  copy: () => measureCopies(options),
  again: () => measureAgain(options),
  growth: () => measureGrowth(options),
  limits: () => measureLimits(options),
  memory: () => measureMemory(options),
}

for (const name of values.part.split(',')) {
  const part = PARTS[name]
  if (part === undefined) throw new Error(`there is no part ${name}, only ${Object.keys(PARTS).join(', ')}`)
  process.stdout.write(`\n# ${name}\n\n`)
  await part()
}
