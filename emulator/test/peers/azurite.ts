import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Azurite in a process of its own: Microsoft's emulator of storage, as its users start it. */
export interface Azurite {
  readonly port: number
  readonly process: ChildProcess
  /** Ends the process and removes what it stored. */
  end(): Promise<void>
}

export interface AzuriteOptions {
  readonly account: string
  /** In base64. */
  readonly key: string
  /** Identity for https, in PEM. Without it Azurite speaks http. */
  readonly identity?: { readonly key: string; readonly cert: string }
}

export const AZURITE_VERSION = '3.37.0'

const PEERS = fileURLToPath(new URL('../../../.holdfast/peers/', import.meta.url))
/** Telemetry is off by flag; an empty package in its place spares 270 MB. Nothing else of Azurite is changed. */
const PACKAGE = {
  name: 'peer',
  private: true,
  dependencies: { azurite: AZURITE_VERSION },
  overrides: { applicationinsights: 'file:no-telemetry' },
}
const NO_TELEMETRY = { name: 'applicationinsights', version: '0.0.0' }

/** The folder that holds Azurite, installed by npm where it is not there yet. Never a dependency of the project. */
async function installed(): Promise<string> {
  const home = join(PEERS, `azurite-${AZURITE_VERSION}`)
  if (existsSync(home)) return home
  await mkdir(PEERS, { recursive: true })
  const fresh = await mkdtemp(join(PEERS, 'installing-'))
  await mkdir(join(fresh, 'no-telemetry'))
  await writeFile(join(fresh, 'no-telemetry/package.json'), JSON.stringify(NO_TELEMETRY))
  await writeFile(join(fresh, 'no-telemetry/index.js'), '')
  await writeFile(join(fresh, 'package.json'), JSON.stringify(PACKAGE))
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--install-links']
  await promisify(execFile)('npm', ['install', '--prefix', fresh, ...quiet], { cwd: fresh })
  // Whoever else installed it meanwhile has the same.
  await rename(fresh, home).catch(() => rm(fresh, { recursive: true }))
  return home
}

/** Starts Azurite's blob service on any port, with its bytes on disk. */
export async function runAzurite({ account, key, identity }: AzuriteOptions): Promise<Azurite> {
  const main = join(await installed(), 'node_modules/azurite/dist/src/blob/main.js')
  const dir = await mkdtemp(join(tmpdir(), 'azurite-'))
  const secure = identity === undefined ? [] : ['--cert', 'cert.pem', '--key', 'key.pem', '--oauth', 'basic']
  if (identity !== undefined) {
    await writeFile(join(dir, 'cert.pem'), identity.cert)
    await writeFile(join(dir, 'key.pem'), identity.key)
  }
  const flags = ['--blobPort', '0', '--location', dir, '--disableTelemetry', '--skipApiVersionCheck', '--silent']
  const child = spawn(process.execPath, [main, ...flags, ...secure], {
    cwd: dir,
    env: { ...process.env, AZURITE_ACCOUNTS: `${account}:${key}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // A process that ends without asking must not leave it behind.
  const orphaned = () => child.kill('SIGKILL')
  process.once('exit', orphaned)
  const end = async () => {
    process.off('exit', orphaned)
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
    await rm(dir, { recursive: true, force: true })
  }
  return { port: await portOf(child), process: child, end }
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let told = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      told += chunk.toString('utf8')
      const [, port] = /listens on https?:\/\/[^:]+:(\d+)/.exec(told) ?? []
      if (port !== undefined) resolve(Number(port))
    })
    child.once('exit', () => reject(new Error(`Azurite ended before it listened: ${told}`)))
  })
}
