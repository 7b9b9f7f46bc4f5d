import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { delimiter, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runScenario } from '../scenario.ts'
import { virtualEnvironment } from '../venv.ts'

const USAGE = `MLflow's own tests of its REST API against the emulator, with a new workspace for each test.

  node test/clients/suite/main.ts --checkout DIR [--only EXPRESSION] [--report DIR] [--python FILE]

--checkout  a checkout of github.com/mlflow/mlflow, which no package holds:
              git clone --depth 1 --branch v3.11.1 https://github.com/mlflow/mlflow DIR
            The tests of 2.9, 2.14, 2.22 and 3.x are known; those of another release are run with its own packages,
            in an environment that --python names:
              pip install 'mlflow==2.22.*' 'sqlalchemy<2.1' 'setuptools<80' azure-identity aiohttp freezegun httpx \\
                pytest pytest-asyncio pytest-timeout
--only      the tests that pytest's -k takes
--report    folder that gets what each test came to, as JSON
--python    a Python that has requirements.txt; without it, an environment is made in .venv/mlflow-suite
`
const LONGEST_MILLISECONDS = 30 * 60_000
const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../../..', import.meta.url))
const { values } = parseArgs({
  options: {
    checkout: { type: 'string' },
    only: { type: 'string' },
    report: { type: 'string' },
    python: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  process.stdout.write(USAGE)
  process.exit(0)
}
const checkout = values.checkout === undefined ? refuse('--checkout is missing.') : resolve(values.checkout)
for (const needed of ['mlflow/version.py', 'tests/tracking/test_rest_tracking.py', 'tests/conftest.py']) {
  if (!existsSync(join(checkout, needed))) refuse(`${checkout} is no checkout of MLflow: it has no ${needed}.`)
}
const ending = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => ending.abort())

const python = values.python ?? (await ownPython())
const results = await runScenario({
  file: join(here, 'suite.py'),
  python,
  env: await environment(),
  longestMilliseconds: LONGEST_MILLISECONDS,
  signal: ending.signal,
  done: ({ case: sentence, ok, seconds, trouble }) => {
    process.stdout.write(`   ${ok ? '✓' : '✗'} ${sentence} (${seconds} s)\n`)
    if (trouble !== undefined) process.stdout.write(`${trouble.replaceAll(/^/gm, '       ')}\n`)
  },
})
process.exit(results.every(({ ok }) => ok) && !ending.signal.aborted ? 0 : 1)

function ownPython(): Promise<string> {
  const requirements = join(here, 'requirements.txt')
  return virtualEnvironment({
    folder: join(root, '.venv', 'mlflow-suite'),
    requirements,
    newest: false,
    signal: ending.signal,
  })
}

async function environment(): Promise<Record<string, string>> {
  const report = values.report === undefined ? undefined : resolve(values.report)
  if (report !== undefined) await mkdir(report, { recursive: true })
  return {
    // The checkout stands first, so that the tests and the MLflow that they test are of one version.
    PYTHONPATH: [checkout, join(here, '..')].join(delimiter),
    HOLDFAST_MLFLOW: checkout,
    ...(values.only === undefined ? {} : { HOLDFAST_MLFLOW_ONLY: values.only }),
    ...(report === undefined ? {} : { HOLDFAST_MLFLOW_REPORT: report }),
  }
}

function refuse(why: string): never {
  process.stderr.write(`${why}\n\n${USAGE}`)
  process.exit(2)
}
