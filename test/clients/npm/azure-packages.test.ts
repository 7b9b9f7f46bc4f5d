import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestEmulator, type TestEmulator } from '../../support/emulator.ts'

const PROGRAM = fileURLToPath(new URL('azure-client.ts', import.meta.url))
const ACCOUNT = 'fromnode'
let emulator: TestEmulator
let env: Record<string, string> = {}

beforeAll(async () => {
  emulator = await startTestEmulator({ regions: ['eastus2'] })
  const answer = await fetch(`${emulator.control}/emulator/env?client=clients`)
  env = { PATH: process.env['PATH'] ?? '', ...((await answer.json()) as Record<string, string>) }
})
afterAll(() => emulator.stop())

it('serves a program of Node that knows Azure alone, by what its environment says', async () => {
  await program(SETUP)

  const found = JSON.parse(await program(PROGRAM, ACCOUNT)) as unknown

  expect(found).toEqual({
    expires: true,
    fromEnvironment: 3,
    refused: 'AuthenticationRequiredError',
    equal: true,
    metadata: { by: 'node' },
    names: ['deep/läyer 1.bin'],
    unchanged: 'BlobAlreadyExists',
    changed: true,
    stale: 'ConditionNotMet',
    absent: 'BlobNotFound',
  })
})

const SETUP = fileURLToPath(new URL('azure-account.ts', import.meta.url))

/** Runs a program in a process of its own, with nothing but the emulator's variables, and gives what it says. */
async function program(path: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [path, ...args], { env, timeout: 25_000 })
  return stdout
}
