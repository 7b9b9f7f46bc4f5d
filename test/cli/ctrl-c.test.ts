import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FAULTS } from '../../src/core/errors.ts'

const dir = mkdtempSync(join(tmpdir(), 'holdfast-ctrl-c-'))
const children: ChildProcess[] = []
/** A tracking server that fails for the moment: whoever asks it waits, and asks again. */
const failing = createServer((_, answer) => answer.writeHead(503).end())
let uri: string

beforeAll(async () => {
  failing.listen(0, '127.0.0.1')
  await once(failing, 'listening')
  uri = `http://127.0.0.1:${(failing.address() as AddressInfo).port}`
})

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  failing.close()
  rmSync(dir, { recursive: true, force: true })
})

it.each(['SIGINT', 'SIGHUP'] as const)(
  'ends a copy of run history in order at %s, also while it waits',
  async (signal) => {
    const args = ['src/main.ts', 'history', 'copy', uri, join(dir, 'folder'), '--state', join(dir, 'state')]
    const asked = once(failing, 'request')
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    children.push(child)
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    const over = once(child, 'close')
    await asked
    // It has its answer by then, and the first wait before it asks again is of 400 ms.
    await sleep(100)
    child.kill(signal)
    const [code] = await over
    expect([code, said]).toEqual([FAULTS['run/interrupted'].exit, expect.stringContaining('what was carried is noted')])
  },
)
