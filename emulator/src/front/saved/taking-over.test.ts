import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { cleanUp, decide, layOut, takeOver } from './taking-over.ts'

const FILES = ['front.db', 'regions/east/state.db', 'regions/west/state.db'] as const

let root: string
let dir: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'taking-over-'))
  dir = join(root, 'emulator')
  lay(dir, 'old')
  for (const file of FILES) for (const beside of ['-wal', '-shm']) writeFileSync(join(dir, file + beside), 'old')
})

afterEach(() => rmSync(root, { recursive: true, force: true }))

function lay(at: string, value: string): void {
  for (const region of ['east', 'west']) mkdirSync(join(at, 'regions', region, 'blobs'), { recursive: true })
  for (const file of FILES) writeFileSync(join(at, file), value)
  for (const region of ['east', 'west']) writeFileSync(join(at, 'regions', region, 'blobs', value), value)
}

/** What is there, by its path. What stood beside a store of before must not be met by another one. */
function there(): Readonly<Record<string, string>> {
  const paths = readdirSync(dir, { recursive: true, withFileTypes: true })
  const files = paths.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
  return Object.fromEntries(files.map((path) => [path.slice(dir.length + 1), readFileSync(path, 'utf8')]))
}

const OTHER = {
  'front.db': 'new',
  'regions/east/state.db': 'new',
  'regions/east/blobs/new': 'new',
  'regions/west/state.db': 'new',
  'regions/west/blobs/new': 'new',
}

it('leaves what is there until it is decided', async () => {
  const before = there()
  lay(await layOut(dir), 'new')
  await takeOver(dir)
  await cleanUp(dir)
  expect(there()).toEqual(before)
})

it('leaves nothing of what was there when it is done', async () => {
  lay(await layOut(dir), 'new')
  await decide(dir)
  await takeOver(dir)
  await cleanUp(dir)
  expect(there()).toEqual(OTHER)
})

it('comes to the same end after it broke off at any of its steps, and after nothing was left to do', async () => {
  lay(await layOut(dir), 'new')
  await decide(dir)
  const decided = join(root, 'decided')
  cpSync(dir, decided, { recursive: true })
  // Each step needs a folder that is there: where one is missing, it breaks off before the step.
  for (const missing of ['regions/east/blobs', 'regions/west/state.db', 'regions/west/blobs', 'none']) {
    rmSync(dir, { recursive: true, force: true })
    cpSync(decided, dir, { recursive: true })
    await interrupted(missing)
    await takeOver(dir)
    await cleanUp(dir)
    expect(there(), missing).toEqual(OTHER)
  }
})

/** Takes over until a step fails, and makes possible again what it failed at. */
async function interrupted(at: string): Promise<void> {
  const [hidden, aside] = [join(dir, '.loaded', at), join(root, 'aside')]
  rmSync(aside, { recursive: true, force: true })
  if (!existsSync(hidden)) return takeOver(dir)
  cpSync(hidden, aside, { recursive: true })
  rmSync(hidden, { recursive: true })
  await takeOver(dir)
  cpSync(aside, hidden, { recursive: true })
}
