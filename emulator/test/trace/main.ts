import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { dialInside } from '../../src/network/inner-listener.ts'
import { openTokens } from '../../src/tokens.ts'
import { runEmulator } from '../run-emulator.ts'
import { gapsIn } from './gaps.ts'
import { listeningPorts } from './inner-ports.ts'
import { type Call, canTrace, type Trace, trace } from './strace.ts'
import { GROUNDWORK, TRACED, type TracedWrite } from './writes.ts'

/** How this ends where the machine lets nobody watch a process. */
const CANNOT = 3

const { values } = parseArgs({ options: { report: { type: 'string' } } })
if (!canTrace()) process.exit(CANNOT)

const emulator = await runEmulator({ regions: 'eastus2' })
const secret = readFileSync(join(emulator.dir, 'inner-secret'), 'utf8')
const tokens = await openTokens(emulator.dir)
const issued = (audience: string) => tokens.issue({ subject: 'tracer', audience, lifetimeSeconds: 3600 })
const bearers = {
  arm: await issued('https://management.azure.com'),
  blob: await issued('https://storage.azure.com'),
  vault: await issued('https://vault.azure.net'),
}
const pids = { front: emulator.process.pid ?? 0, region: (await emulator.pidOf('eastus2')) ?? 0 }
const ports = {
  front: listeningPorts(pids.front).find((port) => port !== emulator.port && port !== cloudPort()) ?? 0,
  region: listeningPorts(pids.region)[0] ?? 0,
}
const counts = { passed: 0, failed: 0 }
const traces: Trace[] = []
try {
  for (const write of GROUNDWORK) await sent(write)
  const watched = {
    front: await trace(pids.front, join(emulator.dir, 'front.trace')),
    region: await trace(pids.region, join(emulator.dir, 'region.trace')),
  }
  traces.push(watched.front, watched.region)
  tell('folders: a fresh folder is on disk with those above it', folderGaps(join(emulator.dir, 'fresh')))
  for (const write of TRACED) show(write, await tried(write, watched))
} finally {
  for (const one of traces) await one.end()
  await emulator.end()
}
if (values.report !== undefined) writeFileSync(values.report, JSON.stringify(counts))
process.exit(counts.failed === 0 ? 0 : 1)

/** Port at which the front plays a cloud of its own, under TLS. */
function cloudPort(): number {
  const { cloud } = JSON.parse(readFileSync(join(emulator.dir, 'emulator.json'), 'utf8')) as { readonly cloud: string }
  return Number(new URL(cloud).port)
}

/** Sends one write alone, and looks at what its process did up to the answer. */
async function tried(
  write: TracedWrite,
  watched: Readonly<Record<'front' | 'region', Trace>>,
): Promise<readonly string[]> {
  const id = await sent(write)
  const answer = (call: Call) => call.on === 'tcp' && call.args.includes('HTTP/1.1 2') && call.args.includes(id)
  const calls = await watched[write.to].upTo('the answer is in the trace', answer)
  return gapsIn(calls, { dir: emulator.dir, ownFile: write.ownFile === true, answer })
}

function show(write: TracedWrite, gaps: readonly string[]): void {
  const sentence = `${write.plane}: ${write.method} ${write.path.split('?')[0]?.split('/').slice(-2).join('/')}${comp(write)} is on disk before its answer is sent`
  tell(sentence, gaps)
}

function tell(sentence: string, gaps: readonly string[]): void {
  counts[gaps.length === 0 ? 'passed' : 'failed']++
  process.stdout.write(
    `   ${gaps.length === 0 ? '✓' : '✗'} ${sentence}\n${gaps.map((gap) => `       ${gap}\n`).join('')}`,
  )
}

/** Folders that were made, and whose names were not synced in the folder that holds them. */
function folderGaps(root: string): readonly string[] {
  const dir = join(root, 'regions', 'eastus2')
  const script = fileURLToPath(new URL('open-folder.ts', import.meta.url))
  const args = ['-f', '-y', '-e', 'trace=mkdir,mkdirat,fsync', process.execPath, script, dir]
  const { stderr } = spawnSync('strace', args, { encoding: 'utf8' })
  const made = [dir, join(dir, '..'), root]
  return made.filter((one) => !stderr.includes(`<${join(one, '..')}>) = 0`)).map((one) => `${one} is not in its folder`)
}

function comp({ path }: TracedWrite): string {
  const found = /comp=(\w+)/.exec(path)?.[1]
  return found === undefined ? '' : ` (${found})`
}

/** Sends a write without TLS through the door that the front uses, so that the trace shows the answer. */
function sent({ to, host, method, path, body, headers }: TracedWrite): Promise<string> {
  const id = crypto.randomUUID()
  const isBlob = host.endsWith('.blob.core.windows.net')
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
  const options = {
    method,
    path,
    createConnection: () => dialInside(ports[to], secret, 'tracer'),
    headers: {
      host,
      authorization: `Bearer ${bearers[isBlob ? 'blob' : host.endsWith('.vault.azure.net') ? 'vault' : 'arm']}`,
      'content-length': bytes.length,
      'x-ms-client-request-id': id,
      ...(isBlob ? { 'x-ms-version': '2024-11-04' } : { 'content-type': 'application/json' }),
      ...headers,
    },
  }
  return new Promise((resolve, reject) => {
    const outgoing = request(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => {
        const status = response.statusCode ?? 0
        if (status < 300) resolve(id)
        else reject(new Error(`${method} ${path} was answered ${status}: ${text}`))
      })
    })
    outgoing.on('error', reject).end(bytes)
  })
}
