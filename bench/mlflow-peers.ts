import { execFileSync, spawn } from 'node:child_process'
import { openSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startTestEmulator, type TestEmulator } from '../test/support/emulator.ts'
import { freePorts } from '../test/support/free-ports.ts'
import { plainTarget, type Target, tunnelledTarget } from './load.ts'

/** A server that runs until it is stopped. */
export interface Peer {
  readonly target: Target
  /** What was started, for whoever reads the numbers. */
  readonly settings: string
  stop(): Promise<void>
}

// The server is a process group of its own, which outlives a benchmark that a signal ends without an `exit`.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))

const STARTING_MILLISECONDS = 300_000

/** MLflow's own server on a new SQLite file, with the workers that it starts by itself: its process `group`. */
export async function startMlflowServer(
  python: string,
  connections: number,
): Promise<Peer & { readonly group: number; readonly home: string }> {
  const home = await mkdtemp(join(tmpdir(), 'bench-mlflow-'))
  const version = execFileSync(python, ['-c', 'import mlflow; print(mlflow.__version__)'], { encoding: 'utf8' }).trim()
  const [port] = await freePorts(1)
  const args = ['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port)]
  args.push('--backend-store-uri', `sqlite:///${home}/db`, '--artifacts-destination', join(home, 'files'))
  const log = openSync(join(home, 'log'), 'w')
  // Its job runners keep no history and would take processors from it.
  const env = { ...process.env, MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false', MLFLOW_DISABLE_TELEMETRY: 'true' }
  const child = spawn(python, args, { stdio: ['ignore', log, log], env, detached: true })
  const base = `http://127.0.0.1:${port}`
  const target = plainTarget('mlflow server', base, connections)
  const end = () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, 'SIGKILL')
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
  process.once('exit', end)
  const stop = async () => {
    process.off('exit', end)
    await target.dispatcher.destroy()
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
    await rm(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
  const deadline = Date.now() + STARTING_MILLISECONDS
  while (Date.now() < deadline) {
    const up = await fetch(`${base}/health`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (up)
      return {
        target,
        settings: `mlflow ${version}: mlflow ${args.slice(2).join(' ')}`,
        group: child.pid ?? 0,
        home,
        stop,
      }
    await sleep(200)
  }
  await stop()
  throw new Error('mlflow server did not start')
}

/** The emulator, and where a workspace of it is kept. */
export interface EmulatorPeer extends Peer {
  /** Path of the region's store. */
  readonly store: string
  /** ARM id. */
  readonly workspace: string
}

/** The emulator with one workspace, reached through its proxy. */
export async function startEmulator(connections: number): Promise<EmulatorPeer> {
  const emulator = await startTestEmulator({ regions: ['eastus2'] })
  const token = await signIn(emulator)
  const workspace = await makeWorkspace(emulator, token)
  const base = `https://eastus2.api.azureml.ms/mlflow/v2.0${workspace}`
  const target = tunnelledTarget('emulator', base, { proxy: emulator.proxy, ca: emulator.caPath, token, connections })
  return {
    target,
    workspace,
    store: join(emulator.dir, 'regions', 'eastus2', 'state.db'),
    settings: `emulator: Node ${process.version}, one region, HTTPS through its CONNECT proxy, every answer after fsync`,
    stop: async () => {
      await target.dispatcher.destroy()
      await emulator.stop()
    },
  }
}

type Through = (url: string, method: string, body: string, type: string) => Promise<Readonly<Record<string, unknown>>>

function through(emulator: TestEmulator, token: string): Through {
  return async (url, method, body, type) => {
    const { origin, pathname, search } = new URL(url)
    const reach = { proxy: emulator.proxy, ca: emulator.caPath, token, connections: 1 }
    const { dispatcher } = tunnelledTarget('emulator', origin, reach)
    const headers = { 'content-type': type, ...(token === '' ? {} : { authorization: `Bearer ${token}` }) }
    const sent = body === '' ? {} : { body }
    const answer = await dispatcher.request({ origin, path: `${pathname}${search}`, method, headers, ...sent } as never)
    const text = await answer.body.text()
    await dispatcher.close()
    if (answer.statusCode >= 300) throw new Error(`${method} ${url} was answered ${answer.statusCode}: ${text}`)
    return text === '' ? {} : JSON.parse(text)
  }
}

async function signIn(emulator: TestEmulator): Promise<string> {
  const { AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET } = emulator.env
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: AZURE_CLIENT_ID ?? '',
    client_secret: AZURE_CLIENT_SECRET ?? '',
    scope: 'https://management.azure.com/.default',
  })
  const url = `https://login.microsoftonline.com/${AZURE_TENANT_ID}/oauth2/v2.0/token`
  const answer = await through(emulator, '')(url, 'POST', form.toString(), 'application/x-www-form-urlencoded')
  return String(answer['access_token'])
}

async function makeWorkspace(emulator: TestEmulator, token: string): Promise<string> {
  const arm = through(emulator, token)
  const put = (id: string, version: string, body: unknown) =>
    arm(`https://management.azure.com${id}?api-version=${version}`, 'PUT', JSON.stringify(body), 'application/json')
  const group = `/subscriptions/${emulator.subscription}/resourceGroups/bench`
  const account = `${group}/providers/Microsoft.Storage/storageAccounts/benchstore`
  const workspace = `${group}/providers/Microsoft.MachineLearningServices/workspaces/bench`
  const location = 'eastus2'
  await put(group, '2022-09-01', { location })
  await put(account, '2023-01-01', { location, kind: 'StorageV2', sku: { name: 'Standard_LRS' }, properties: {} })
  await put(workspace, '2025-12-01', { location, properties: { storageAccount: account } })
  for (let tries = 0; tries < 100; tries++) {
    const read = `https://management.azure.com${workspace}?api-version=2025-12-01`
    const { properties } = (await arm(read, 'GET', '', 'application/json')) as { properties: Record<string, unknown> }
    if (properties['provisioningState'] === 'Succeeded') return workspace
    await sleep(100)
  }
  throw new Error('the workspace was not made')
}
