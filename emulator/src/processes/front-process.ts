import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Front, openFront } from '../front/front.ts'
import { type LimitSettings, readLimits } from '../limits/table.ts'
import { CLIENT_ID, SUBSCRIPTION, TENANT } from '../tokens.ts'
import { writeCompiledCode } from './code-cache.ts'
import { lockFolder } from './lock-folder.ts'

const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: '.holdfast/emulator' },
    regions: { type: 'string', default: 'eastus2,centralus' },
    port: { type: 'string', default: '0' },
    // Ends the emulator when its standard input ends, so that it cannot outlive the program that started it.
    tied: { type: 'boolean', default: false },
    // azure, none, or a JSON object of limits.
    limits: { type: 'string', default: process.env['EMULATOR_LIMITS'] ?? 'none' },
  },
})
const ANSWERING_MILLISECONDS = 200
class WrongArgument extends Error {}

const dir = resolve(values.dir)
const description = join(dir, 'emulator.json')
let front: Front | undefined
let ending = false

try {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  lockFolder(dir)
  front = await openFront({
    dir,
    regions: regionNames(),
    port: Number(values.port),
    limits: limits(),
    changed: describe,
    // Whoever asked is answered first.
    broken: () => void setTimeout(() => process.exit(1), ANSWERING_MILLISECONDS),
  })
} catch (failure) {
  const [message, code] = refusal(failure)
  process.stderr.write(`emulator: ${message}\n`)
  process.exit(code)
}
describe()
process.on('SIGINT', end)
process.on('SIGTERM', end)
if (values.tied) process.stdin.on('end', end).on('error', end).resume()
process.stdout.write(
  `The emulator listens on ${front.proxy} with ${regionNames().join(', ')}; details in ${description}\n`,
)
writeCompiledCode()

function regionNames(): readonly string[] {
  const names = values.regions.split(',').map((name) => name.trim().toLowerCase())
  const wrong = names.find(
    (name) => !/^[a-z][a-z0-9]{2,30}$/.test(name) || names.indexOf(name) !== names.lastIndexOf(name),
  )
  if (wrong === undefined) return names
  throw new WrongArgument(`--regions: '${wrong}' is no region's name, or stands there twice.`)
}

/** Limits that are in force from the start. */
function limits(): LimitSettings {
  try {
    return readLimits(values.limits.startsWith('{') ? JSON.parse(values.limits) : values.limits)
  } catch (failure) {
    throw new WrongArgument(`--limits: ${(failure as Error).message}`)
  }
}

/** What is told of a failure to start, and the code to end with: 2 where an argument is to blame. */
function refusal(failure: unknown): readonly [message: string, code: number] {
  if (failure instanceof WrongArgument) return [failure.message, 2]
  if (failure instanceof Error && 'code' in failure && failure.code === 'EADDRINUSE') {
    return [`--port: ${values.port} is in use. Give another, or 0 for any that is free.`, 2]
  }
  return [failure instanceof Error ? failure.message : String(failure), 1]
}

/** Writes down where everything is, for programs that did not start the emulator. */
function describe(): void {
  if (front === undefined || ending) return
  const facts = {
    pid: process.pid,
    port: front.port,
    proxy: front.proxy,
    cloud: front.cloud,
    ca: front.caPath,
    tenant: TENANT,
    subscription: SUBSCRIPTION,
    clientId: CLIENT_ID,
    regions: front.status(),
  }
  writeFileSync(`${description}.new`, `${JSON.stringify(facts, undefined, 2)}\n`)
  renameSync(`${description}.new`, description)
}

function end(): void {
  if (ending) return
  ending = true
  rmSync(description, { force: true })
  const closed = front === undefined ? Promise.resolve() : front.close()
  closed.finally(() => process.exit(0))
}
