import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type CaseResult, runScenario } from './scenario.ts'
import { virtualEnvironment } from './venv.ts'

const { values, positionals } = parseArgs({
  options: {
    /** File that gets `{ passed, failed }` as JSON. */
    report: { type: 'string' },
    /** With the newest versions of the clients instead of the locked ones. */
    newest: { type: 'boolean', default: false },
    /** Only makes the environments of Python that are missing. */
    prepare: { type: 'boolean', default: false },
  },
  // Names of scenarios; without any, all of them.
  allowPositionals: true,
})

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
/** More than a small machine has processors: a scenario waits for servers and jobs for much of its time. */
const AT_ONCE = 3
const HARNESS = [
  'az.py',
  'cases.py',
  'histories.py',
  'local_azure.py',
  'oracle_odd.py',
  'oracle_random.py',
  'oracle_steps.py',
  'tracking.py',
]
/** Beside a server of MLflow, which the usual environment has whole. */
const WITH_SERVER = ['oracle.py']
/** Beside a server of MLflow 2. */
const WITH_TWO = ['history_servers.py']
/** An environment for some scenarios, and how long each may take. */
interface Place {
  readonly folder: string
  readonly file: string
  readonly scenarios?: readonly string[]
  readonly longestMilliseconds?: number
  /** What stands behind a topic that is reported from elsewhere too. */
  readonly called?: string
}

/** A scenario in an environment. */
interface Turn {
  readonly name: string
  readonly place: Place
}

const USUAL: Place = { folder: '', file: 'requirements' }
const APART: readonly Place[] = [
  // Up to four servers of MLflow, each of which takes seconds to start and as long to be filled.
  {
    ...USUAL,
    scenarios: [
      'history_copy.py',
      'history_behaviour.py',
      'history_kills.py',
      'history_servers.py',
      'history_storage.py',
    ],
    longestMilliseconds: 1_200_000,
  },
  // Two servers of MLflow, which are lost, come back and are compared whole three times.
  { ...USUAL, scenarios: ['server_pair.py'], longestMilliseconds: 900_000 },
  // Without Microsoft's plugin, which changes how MLflow's client presents itself wherever it is installed.
  { folder: 'mlflow-alone', file: 'requirements-mlflow', scenarios: ['mlflow_plain.py'] },
  // The server of MLflow takes minutes to start where the machine is busy.
  {
    folder: 'mlflow-alone',
    file: 'requirements-mlflow',
    scenarios: ['oracle.py'],
    longestMilliseconds: 900_000,
  },
  // Pins versions of its own of what azure-ai-ml needs too. Each command is a process that takes a second to start.
  {
    folder: 'azure-cli',
    file: 'requirements-azure-cli',
    scenarios: ['azure_cli.py', 'azure_cli_storage.py'],
    longestMilliseconds: 900_000,
  },
]
/** A whole server of the last MLflow 2, which the scenarios that need it start themselves. */
const TWO_SERVER: Place = { folder: 'mlflow-two-server', file: 'requirements-mlflow-two-server' }
/** Scenarios that run once more elsewhere. */
const AGAIN: readonly Place[] = [
  // The last client of MLflow 2.
  { folder: 'mlflow-two', file: 'requirements-mlflow-two', called: 'mlflow 2', scenarios: ['mlflow_plain.py'] },
  // With the newest of Microsoft's plugins that resolves beside it.
  {
    folder: 'mlflow-two-azureml',
    file: 'requirements-mlflow-two-azureml',
    called: 'mlflow 2',
    scenarios: ['mlflow_azureml.py'],
  },
]
/** The vendor's examples in YAML: a checkout of Azure/azureml-examples, for these scenarios. */
const EXAMPLES = process.env['HOLDFAST_EXAMPLES'] ?? join(root, '../shared/data/azureml-examples')
const WITH_EXAMPLES = ['sdk_yaml.py', 'sdk_yaml_jobs.py', 'sdk_yaml_pipelines.py']
/** No node of a compute ever comes: jobs are stored and read, and wait. */
const WITHOUT_NODES = { EMULATOR_ALLOCATION_SECONDS: '86400' }

const ending = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => ending.abort())

const turns = scenarios().flatMap(turnsOf)
const home = values.newest ? join(root, '.holdfast', 'venv-newest') : join(root, '.venv')
const pythons = await pythonsOf(turns)
if (values.prepare) process.exit(0)
const results = await runAll(turns)
const failed = results.filter(({ ok }) => !ok).length
const counts = { passed: results.length - failed, failed }
if (values.report !== undefined) writeFileSync(values.report, JSON.stringify(counts))
process.stdout.write(`   ${counts.passed} cases of the vendors’ clients passed, ${counts.failed} failed\n`)
process.exit(failed === 0 && !ending.signal.aborted ? 0 : 1)

/** The Python of each environment. They are made where a scenario needs them, one after the other. */
async function pythonsOf(all: readonly Turn[]): Promise<ReadonlyMap<string, string>> {
  const pythons = new Map<string, string>()
  const served = [
    ...(all.some(({ name }) => WITH_SERVER.includes(name)) ? [USUAL] : []),
    ...(all.some(({ name }) => WITH_TWO.includes(name)) ? [TWO_SERVER] : []),
  ]
  // The usual one holds the others' folders, and making it clears its own.
  const places = [...all.map(({ place }) => place), ...served]
  for (const { folder, file } of places.toSorted((a, b) => a.folder.length - b.folder.length)) {
    if (pythons.has(folder)) continue
    const requirements = join(here, values.newest ? `${file}-newest.txt` : `${file}.txt`)
    const made = { folder: join(home, folder), requirements, newest: values.newest, signal: ending.signal }
    pythons.set(folder, await virtualEnvironment(made))
  }
  return pythons
}

function turnsOf(name: string): readonly Turn[] {
  const runs = ({ scenarios }: Place) => scenarios?.includes(name) === true
  return [APART.find(runs) ?? USUAL, ...AGAIN.filter(runs)].map((place) => ({ name, place }))
}

function scenarios(): readonly string[] {
  const all = readdirSync(here).filter((name) => name.endsWith('.py') && !HARNESS.includes(name))
  if (positionals.length === 0) return withExamples(all)
  return all.filter((name) => positionals.includes(name.replace(/\.py$/, '')))
}

/** Which calls the oracle draws, where the shell says so. */
function seeded(): Record<string, string> {
  const names = ['HOLDFAST_ORACLE_SEED', 'HOLDFAST_ORACLE_CALLS']
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  )
}

/** Leaves out, and says so, what needs the vendor's examples where they are not. On CI, beside a `../shared`, they must be. */
function withExamples(all: readonly string[]): readonly string[] {
  const needed = process.env['CI'] === 'true' && existsSync(join(root, '../shared'))
  if (needed || existsSync(join(EXAMPLES, 'cli'))) return all
  process.stdout.write(`   Left out: the vendor’s examples in YAML, since ${EXAMPLES} has none (HOLDFAST_EXAMPLES).\n`)
  return all.filter((name) => !WITH_EXAMPLES.includes(name))
}

/** Runs scenarios, a few at a time, each until its end; what may take longest begins, so that no lane is left with it. */
async function runAll(all: readonly Turn[]): Promise<readonly CaseResult[]> {
  const longest = ({ place }: Turn) => place.longestMilliseconds ?? 0
  const waiting = all.toSorted((one, other) => longest(other) - longest(one))
  const found: CaseResult[] = []
  async function lane(): Promise<void> {
    for (let turn = waiting.shift(); turn !== undefined && !ending.signal.aborted; turn = waiting.shift()) {
      found.push(...(await runOne(turn)))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return found
}

async function runOne({ name, place }: Turn): Promise<readonly CaseResult[]> {
  const { folder, longestMilliseconds, called } = place
  const plain = name.replace(/\.py$/, '').replaceAll('_', ' ')
  const topic = called === undefined ? plain : `${plain}, ${called}`
  const python = pythons.get(folder) ?? ''
  const done = (result: CaseResult) => show(topic, result)
  try {
    const examples = WITH_EXAMPLES.includes(name)
      ? { env: { HOLDFAST_EXAMPLES: EXAMPLES }, emulator: WITHOUT_NODES }
      : WITH_SERVER.includes(name)
        ? { env: { MLFLOW_SERVER_PYTHON: pythons.get('') ?? '', ...seeded() } }
        : WITH_TWO.includes(name)
          ? { env: { MLFLOW_TWO_PYTHON: pythons.get(TWO_SERVER.folder) ?? '' } }
          : {}
    return await runScenario({
      file: join(here, name),
      python,
      longestMilliseconds,
      signal: ending.signal,
      done,
      ...examples,
    })
  } catch (failure) {
    const trouble = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)
    const result = { case: 'the scenario can be run', ok: false, seconds: 0, trouble }
    done(result)
    return [result]
  }
}

function show(topic: string, { case: sentence, ok, seconds, trouble }: CaseResult): void {
  process.stdout.write(`   ${ok ? '✓' : '✗'} ${topic}: ${sentence} (${seconds} s)\n`)
  if (trouble !== undefined) process.stdout.write(`${trouble.replaceAll(/^/gm, '       ')}\n`)
}
