import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runEmulator } from './run-emulator.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'emulator-refused-'))
})

afterEach(() => rm(dir, { recursive: true, force: true }))

/** Starts an emulator that is expected to refuse; gives its code and what it said. */
async function refused(...args: readonly string[]): Promise<readonly [number, string]> {
  const child = spawn(process.execPath, [MAIN, '--dir', dir, '--regions', 'eastus2', '--tied', ...args], {
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const [[code], said] = await Promise.all([once(child, 'exit') as Promise<[number]>, text(child.stderr)])
  return [code, said]
}

describe('an emulator that is started wrongly', () => {
  it('ends with 2 and names the port that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const [code, said] = await refused('--port', String(port))
    other.close()
    expect([code, said]).toEqual([2, expect.stringContaining(`--port: ${port} is in use`)])
  })

  it.each([
    ['--regions', 'East US'],
    ['--regions', 'eastus2,eastus2'],
    ['--limits', '{bad'],
    ['--limits', '{"reads":5}'],
  ])('ends with 2 and names the argument: %s %s', async (option, value) => {
    expect(await refused(option, value)).toEqual([2, expect.stringContaining(`${option}: `)])
  })

  it('names the folder that another emulator holds, which goes on', async () => {
    const running = await runEmulator({ dir, regions: 'eastus2' })
    const [code, said] = await refused()
    expect([code, said]).toEqual([1, expect.stringContaining(dir)])
    expect(await running.control('GET', 'status')).toMatchObject({ regions: [{ state: 'running' }] })
    await running.end({ keep: true })
  })
})

describe('an emulator on a store that it cannot read', () => {
  it.each(['front.db', 'regions/eastus2/state.db'])(
    'names it where it is of a newer one, and leaves it: %s',
    async (name) => {
      const path = join(dir, name)
      await mkdir(join(path, '..'), { recursive: true })
      const newer = new DatabaseSync(path)
      newer.exec('PRAGMA user_version=4711; CREATE TABLE theirs (one)')
      newer.close()
      const [code, said] = await refused()
      expect([code, said]).toEqual([1, expect.stringMatching(`${name}.*4711`)])
      const left = new DatabaseSync(path, { readOnly: true })
      expect(left.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'theirs' }])
      left.close()
    },
  )

  it('names a file that is no store', async () => {
    const folder = join(dir, 'regions', 'eastus2')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'state.db'), Buffer.alloc(8192, 'x'))
    expect(await refused()).toEqual([1, expect.stringContaining(join(folder, 'state.db'))])
    expect(await readdir(folder)).toContain('state.db')
  })
})
