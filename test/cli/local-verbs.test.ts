import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { ProxyAgent, request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { facts, holdfast } from '../support/command-line.ts'
import { startTestEmulator, type TestEmulator } from '../support/emulator.ts'
import { freePorts } from '../support/free-ports.ts'

let emulator: TestEmulator
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-verbs-'))
  emulator = await startTestEmulator({ regions: ['eastus2'] })
})

afterAll(async () => {
  await emulator?.stop()
  await rm(folder, { recursive: true, force: true })
})

function local(verb: string, ...more: readonly string[]) {
  return holdfast('local', verb, ...more, '--dir', emulator.dir)
}

async function status(): Promise<Record<string, unknown>> {
  return (await (await fetch(`${emulator.control}/emulator/status`)).json()) as Record<string, unknown>
}

describe('local env', () => {
  it('names the cloud on localhost where it is asked for a custom cloud, with a port for each client', async () => {
    const plain = await local('env')
    const one = await local('env', '--custom-cloud', '--client', 'one')
    const other = await local('env', '--custom-cloud', '--client', 'other')
    const address = /AZURE_AUTHORITY_HOST='(https:\/\/localhost:\d+)'/
    expect(plain.out).not.toMatch(address)
    expect(one.out).toContain(`ARM_CLOUD_METADATA_URL='${address.exec(one.out)?.[1]}/metadata/endpoints`)
    expect(address.exec(one.out)?.[1]).not.toBe(address.exec(other.out)?.[1])
  })
})

describe('local up', () => {
  it('starts where a killed emulator left its file, though its process and its port are others’ by now', async () => {
    const dir = join(folder, 'left')
    await mkdir(dir)
    const [port] = await freePorts(1)
    await writeFile(join(dir, 'emulator.json'), JSON.stringify({ pid: process.pid, port }))
    expect((await holdfast('local', 'down', '--dir', dir)).out).toContain('No emulator runs on')
    const up = await holdfast('local', 'up', '--regions', 'eastus2', '--dir', dir)
    expect([up.code, up.out]).toEqual([0, expect.stringContaining('eastus2')])
    expect(await holdfast('local', 'up', '--dir', dir)).toMatchObject({
      code: 60,
      err: expect.stringContaining(`\`holdfast local down --dir ${dir}\``),
    })
    expect((await holdfast('local', 'down', '--dir', dir)).out).toContain('has ended')
  })
})

describe('local play', () => {
  it('does the steps of a script in their order, and tells each', async () => {
    const file = join(folder, 'storm.yaml')
    await writeFile(
      file,
      [
        'steps:',
        '  - break: { is: slow, at: eastus2, milliseconds: 5 }',
        '  - { after: 50ms, kill: eastus2 }',
        '  - { after: 1ms, start: eastus2 }',
        '  - heal: true',
        '  - limits: azure',
      ].join('\n'),
    )
    const { out, code } = await local('play', file)
    expect([code, out.trim().split('\n')]).toEqual([
      0,
      ['break: slow at eastus2', 'kill eastus2', 'start eastus2', 'heal', 'limits "azure"'],
    ])
    expect(await status()).toMatchObject({ faults: [], regions: [{ state: 'running' }], limits: { reads: {} } })
  })

  it('ends at Ctrl-C with the next act, and does no more of its steps', async () => {
    const file = join(folder, 'long.yaml')
    await writeFile(
      file,
      'steps:\n  - break: { is: slow, at: eastus2, milliseconds: 5 }\n  - { after: 1h, heal: true }\n',
    )
    const args = ['src/main.ts', 'local', 'play', file, '--dir', emulator.dir]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    await once(child.stdout, 'data')
    const over = once(child, 'close')
    const said = text(child.stderr)
    child.kill('SIGINT')
    expect([(await over)[0], await said]).toEqual([130, expect.stringContaining('`holdfast local heal --dir ')])
    expect(await status()).toMatchObject({ faults: [{ is: 'slow' }] })
    await local('heal')
  })

  it.each([
    ['- { is: down, at: eastus2 }', /is no script/],
    ['steps:\n  - { after: soon, heal: true }', /soon is no span of time/],
    ['steps:\n  - { after: 25d, heal: true }', /Step 1 in .* does not come within 24 days/],
    ['steps:\n  - { after: -1h, heal: true }', /Step 1 in .* does not come within 24 days/],
    ['steps:\n  - { kill: eastus2, start: eastus2 }', /Step 1 in .* does not name one thing to do/],
    ['steps:\n  - { melt: eastus2 }', /Give one of break, heal, kill/],
  ])('refuses %j before it does anything', async (text, reason) => {
    const file = join(folder, 'wrong.yaml')
    await writeFile(file, text)
    const { err, code } = await local('play', file)
    expect(code).not.toBe(0)
    expect(err).toMatch(reason)
  })
})

describe('the conditions of the emulator', () => {
  it('are moved, limited and recorded from the command line', async () => {
    expect((await local('clock', '14d')).code).toBe(0)
    expect((await status())['clock']).toMatchObject({ shiftMilliseconds: 14 * 86_400_000 })
    expect((await local('clock', '0')).code).toBe(0)
    const { out } = await local('limits', '{"reads":{"burst":50,"perSecond":5}}')
    expect(out).toMatch(/reads +50 +5/)
    expect((await local('limits', 'none')).out).toContain('Nothing is limited.')
    expect((await local('limits', 'fast')).err).toContain('Limits are `azure`, `none`')
    await local('record', 'calls')
    expect((await status())['everyCall']).toBe(true)
  })
})

describe('local activity', () => {
  it('shows what was acknowledged, by place and by what is asked', async () => {
    await local('record', 'writes')
    await makeGroup('seen')
    const asked = ['activity', '--operation', 'resourcegroups_*', '--dir', emulator.dir]
    expect((await facts('local', ...asked)).value['lines']).toMatchObject([
      { place: 'front', plane: 'arm', operation: 'ResourceGroups_CreateOrUpdate', client: 'unnamed', status: 201 },
    ])
    expect((await local('activity', 'front')).out).toMatch(/TIME .*\n.* front +arm .*resourceGroups\/seen/)
    expect((await local('activity', '--client', 'nobody')).out).toContain('Nothing was recorded.')
    const { err } = await local('activity', 'eastus2', '--calls')
    expect(err).toContain('Calls are not being recorded.')
    expect((await local('activity', 'mars')).err).toContain('There is no region mars')
  })

  it('goes on with what comes until it is ended', async () => {
    const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
    const args = [main, 'local', 'activity', 'front', '--follow', '--last', '1', '--json', '--dir', emulator.dir]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
      await lines.next()
      await makeGroup('followed')
      expect(JSON.parse((await lines.next()).value ?? '')).toMatchObject({
        subject: expect.stringContaining('followed'),
      })
    } finally {
      child.kill('SIGKILL')
    }
  })
})

describe('a saved state', () => {
  it('is saved, listed, loaded and removed from the command line', async () => {
    await makeGroup('kept')
    expect((await local('save', 'before')).out).toContain('holdfast local load before')
    await makeGroup('gone')
    await local('clock', '2d')
    const groups = async () => (await facts('local', 'activity', 'front', '--dir', emulator.dir)).value['lines']
    expect(JSON.stringify(await groups())).toMatch(/gone/)
    const { value, code } = await facts('local', 'load', 'before', '--dir', emulator.dir)
    expect([value, code]).toMatchObject([{ regions: [{ state: 'running' }], clock: { shiftMilliseconds: 0 } }, 0])
    expect(JSON.stringify(await groups())).toMatch(/kept/)
    expect(JSON.stringify(await groups())).not.toMatch(/gone/)
    expect((await local('saved')).out).toMatch(/^NAME .*\nbefore +\d{4}-.* eastus2/)
    expect((await local('saved', '--remove', 'before')).out).toContain('Nothing is saved.')
  })

  it('is refused by name, and ends with the code of a wrong argument', async () => {
    await local('save', 'once')
    const refused = [
      ['save', 'once', /There is a saved state once already/],
      ['save', '../up', /`..\/up` is no name/],
      ['load', 'never', /There is no saved state never; there are once/],
    ] as const
    for (const [verb, name, reason] of refused) {
      const { code, err } = await local(verb, name)
      expect([code, err]).toEqual([2, expect.stringMatching(reason)])
    }
    expect((await local('save', 'once', '--replace')).code).toBe(0)
    const script = join(folder, 'again.yaml')
    await writeFile(script, 'steps:\n  - load: once\n')
    expect((await local('play', script)).out.trim()).toBe('load once')
  })
})

/** Makes a resource group as a client of Azure does. */
async function makeGroup(name: string): Promise<void> {
  const { env } = emulator
  const ca = await readFile(emulator.caPath, 'utf8')
  const dispatcher = new ProxyAgent({ uri: env['HTTPS_PROXY'] ?? '', requestTls: { ca } })
  try {
    const signIn = await request(`https://login.microsoftonline.com/${env['AZURE_TENANT_ID']}/oauth2/v2.0/token`, {
      method: 'POST',
      dispatcher,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: env['AZURE_CLIENT_ID'] ?? '',
        client_secret: env['AZURE_CLIENT_SECRET'] ?? '',
        scope: 'https://management.azure.com/.default',
      }).toString(),
    })
    const { access_token: token } = (await signIn.body.json()) as { access_token: string }
    const url = `https://management.azure.com/subscriptions/${emulator.subscription}/resourceGroups/${name}?api-version=2021-04-01`
    const answer = await request(url, {
      method: 'PUT',
      dispatcher,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ location: 'eastus2' }),
    })
    expect(answer.statusCode).toBe(201)
  } finally {
    await dispatcher.close()
  }
}
