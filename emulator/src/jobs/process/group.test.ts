import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { launch } from './group.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'group-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` }

function order(script: string) {
  return { command: ['/bin/sh', '-c', script], cwd: folder, env, log: join(folder, 'log.txt') }
}

async function until(what: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!what()) {
    if (Date.now() > deadline) throw new Error('it did not come to pass within 15 s')
    await sleep(25)
  }
}

function pidIn(file: string): number {
  return existsSync(join(folder, file)) ? Number(readFileSync(join(folder, file), 'utf8')) : 0
}

function alive(pid: number): boolean {
  try {
    return pid > 0 && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

describe('a process group', () => {
  it('gives back the exit code, and keeps what was printed', async () => {
    const group = launch(order('echo one; echo two >&2; exit 3'))

    expect(await group.ended).toEqual({ is: 'exited', code: 3 })
    expect(readFileSync(join(folder, 'log.txt'), 'utf8')).toBe('one\ntwo\n')
  })

  it('names the signal that ended it', async () => {
    expect(await launch(order('kill -9 $$')).ended).toEqual({ is: 'signalled', signal: 'SIGKILL' })
  })

  it('says that a command cannot be started', async () => {
    const group = launch({ ...order(''), command: ['/nowhere/at-all'] })

    expect((await group.ended).is).toBe('unstartable')
  })

  it('gives a command that is asked to end the time to say goodbye', async () => {
    const group = launch(order("trap 'echo bye; exit 0' TERM; echo up > up; while :; do sleep 0.05; done"))
    await until(() => existsSync(join(folder, 'up')))

    await group.terminate()

    expect(await group.ended).toEqual({ is: 'exited', code: 0 })
    expect(readFileSync(join(folder, 'log.txt'), 'utf8')).toMatch(/bye\n$/)
  })

  it('leaves no child behind, also none that made itself a session of its own', async () => {
    const group = launch(
      order(
        "sleep 600 & echo $! > a.part; setsid sh -c 'echo $$ > b.part; mv b.part b; exec sleep 600' & mv a.part a; wait",
      ),
    )
    await until(() => pidIn('a') > 0 && pidIn('b') > 0)

    await group.kill()

    expect([alive(pidIn('a')), alive(pidIn('b'))]).toEqual([false, false])
  })

  it('dies with the process that started it', async () => {
    const script = `import { launch } from ${JSON.stringify(new URL('./group.ts', import.meta.url).href)}
      launch(${JSON.stringify(order('echo $$ > pid.part; mv pid.part pid; exec sleep 600'))})
      setInterval(() => undefined, 1000)`
    const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { stdio: 'ignore' })
    await until(() => pidIn('pid') > 0)

    parent.kill('SIGKILL')

    await until(() => !alive(pidIn('pid')))
  })
})
