import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Option } from 'commander'
import { wholeNumber } from '../../src/cli/arguments.ts'
import { benchmark, namesOf, numbersFrom } from '../benchmark.ts'
import { type CopyOptions, measureAgain, measureCopies } from './copying.ts'
import { measureGrowth, measureLimits, measureMemory, type SimulatedOptions } from './simulated.ts'

/** Measures `holdfast history copy` beside mlflow-export-import. See ../readme.md for what the numbers mean. */

interface Options extends Omit<CopyOptions & SimulatedOptions, 'say'> {
  readonly part: readonly string[]
}

const PARTS: Readonly<Record<string, (options: CopyOptions & SimulatedOptions) => Promise<void>>> = {
  copy: measureCopies,
  again: measureAgain,
  growth: measureGrowth,
  limits: measureLimits,
  memory: measureMemory,
}

const parts = Object.keys(PARTS)
const root = fileURLToPath(new URL('../..', import.meta.url))
const COUNT = wholeNumber(1, 10_000_000)

const { part, ...given } = benchmark('bench:history', 'Measures `holdfast history copy` beside mlflow-export-import.')
  .addOption(
    new Option('--part <names>', 'parts of the benchmark, by commas')
      .argParser(namesOf(parts))
      .default(parts, parts.join(',')),
  )
  .option('--python <path>', 'a Python that has all of `mlflow`', join(root, '.venv', 'bin', 'python'))
  .option('--runs <number>', 'runs of the experiment that is copied', COUNT, 100)
  .option('--repeats <number>', 'turns', COUNT, 5)
  .addOption(
    new Option('--delays <milliseconds>', 'round trips, by commas').argParser(numbersFrom(0)).default([0, 30], '0,30'),
  )
  .addOption(
    new Option('--histories <numbers>', 'lengths of generated histories, by commas')
      .argParser(numbersFrom(1))
      .default([10_000, 1_000_000], '10000,1000000'),
  )
  .option('--limited-runs <number>', 'runs that are copied under a limit', COUNT, 900)
  .option('--no-threads', 'leave out the peer with --use-threads')
  .parse()
  .opts<Options>()

const options = { ...given, say: (text: string) => void process.stdout.write(text) }
for (const name of part) {
  process.stdout.write(`\n# ${name}\n\n`)
  await PARTS[name]?.(options)
}
