import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { startEmulator } from '../src/cli/local/emulator.ts'
import { evidenceOf, isGood, printEvidence } from './evidence.ts'
import { openScreen } from './screen.ts'
import { play, type Stage } from './story.ts'

const values = new Command('npm run demo --')
  .description('Loses a region under a training job, and shows that the work goes on in another.')
  .option('--evidence <path>', 'where the facts are written', 'demo-evidence.json')
  .option('--keep', 'keep the folder with the emulator’s state, the journal and the logs')
  .parse()
  .opts<{ readonly evidence: string; readonly keep?: true }>()

/** Seconds that a cluster takes for its first node: what the controller has to fence a queued job after a return. */
const ALLOCATION_SECONDS = '4'

const dir = await mkdtemp(join(tmpdir(), 'holdfast-demo-'))
const screen = openScreen(process.stdout)
const ending = new AbortController()
const closing: (() => Promise<unknown> | unknown)[] = []
let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted = true
    ending.abort(new Error(`ended by ${signal}`))
  })
}

const code = await run()
process.exitCode = code
const isKept = values.keep === true || (code !== 0 && !interrupted)
if (isKept) process.stderr.write(`Logs and state are in ${dir}\n`)
else await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })

async function run(): Promise<number> {
  try {
    screen.chapter('Starting a local Azure with two regions: East US 2 and Central US')
    const started = await startEmulator({
      dir: join(dir, 'emulator'),
      regions: ['eastus2', 'centralus'],
      port: 0,
      tied: true,
      env: { EMULATOR_ALLOCATION_SECONDS: ALLOCATION_SECONDS },
    })
    closing.push(() => endOf(started.process))
    const stage: Stage = { dir, emulator: started.emulator, screen, signal: ending.signal, closing }
    const evidence = await evidenceOf(await play(stage))
    writeFileSync(resolve(values.evidence), `${JSON.stringify(evidence, undefined, 2)}\n`)
    await close()
    printEvidence(evidence, process.stdout, values.evidence)
    return isGood(evidence) ? 0 : 1
  } catch (thrown) {
    await close()
    if (interrupted) return 130
    process.stderr.write(
      `The demo did not come to its end: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`,
    )
    return 1
  }
}

async function close(): Promise<void> {
  screen.close()
  for (const end of closing.splice(0).reverse()) await end()
}

/** The emulator ends when its standard input does, and its regions and their jobs with it. */
function endOf(child: Awaited<ReturnType<typeof startEmulator>>['process']): Promise<void> {
  return new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) return done()
    const last = setTimeout(() => child.kill('SIGKILL'), 8000)
    child.once('exit', () => {
      clearTimeout(last)
      done()
    })
    child.stdin?.end()
  })
}
