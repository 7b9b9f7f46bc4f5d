import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type AzureClient, azureClient, failureOf } from './azure-client.ts'
import { type RunningEmulator, runEmulator, until } from './run-emulator.ts'

const DISCOVERY = 'https://eastus2.api.azureml.ms/discovery'
const OTHER_DISCOVERY = 'https://centralus.api.azureml.ms/discovery'
const VAULT = '/resourceGroups/east/providers/Microsoft.KeyVault/vaults/v1'
const NO_ANSWER = 'UND_ERR_HEADERS_TIMEOUT'

let emulator: RunningEmulator
let one: AzureClient
let two: AzureClient

beforeAll(async () => {
  emulator = await runEmulator()
  one = azureClient(emulator, 'vantage-1')
  two = azureClient(emulator, 'vantage-2')
  await one.arm('PUT', '/resourceGroups/east', { location: 'eastus2' })
  await one.arm('PUT', VAULT, { location: 'eastus2' })
})

afterEach(async () => {
  await emulator.control('DELETE', 'faults')
})

afterAll(async () => {
  await one.close()
  await two.close()
  await emulator.end()
})

async function faults(...list: unknown[]): Promise<void> {
  await emulator.control('PUT', 'faults', { faults: list })
}

async function reaches(client: AzureClient, url: string): Promise<boolean> {
  return (await failureOf(client.send('GET', url))) === 'answered'
}

describe('a cut', () => {
  it('stands between one client and one region, and not between others', async () => {
    await faults({ is: 'cut', between: ['vantage-1', 'eastus2'] })
    expect(await reaches(one, DISCOVERY)).toBe(false)
    expect(await reaches(one, OTHER_DISCOVERY)).toBe(true)
    expect(await reaches(two, DISCOVERY)).toBe(true)
    expect((await one.arm('GET', VAULT)).status).toBe(200)
  })

  it('tears down a request that is under way', async () => {
    await faults({ is: 'hang', at: 'eastus2' })
    const waiting = failureOf(one.send('GET', DISCOVERY))
    await faults({ is: 'cut', between: ['eastus2', 'vantage-1'] })
    expect(await waiting).not.toBe(NO_ANSWER)
  })

  it('between ARM and a region makes ARM answer 503 for it, and leaves its data plane alone', async () => {
    await faults({ is: 'cut', between: ['arm', 'eastus2'] })
    expect(await one.arm('GET', VAULT)).toMatchObject({ status: 503, body: { error: { code: 'ServiceUnavailable' } } })
    expect(await reaches(one, DISCOVERY)).toBe(true)
  })

  it('from everywhere isolates a region from clients, other regions and ARM, but not from itself', async () => {
    const job = azureClient(emulator, 'eastus2')
    const otherJob = azureClient(emulator, 'centralus')
    await faults({ is: 'cut', between: ['eastus2', '*'] })
    expect(await reaches(one, DISCOVERY)).toBe(false)
    expect(await reaches(otherJob, DISCOVERY)).toBe(false)
    expect(await reaches(job, OTHER_DISCOVERY)).toBe(false)
    expect(await reaches(job, DISCOVERY)).toBe(true)
    expect((await one.arm('GET', VAULT)).status).toBe(503)
    await Promise.all([job.close(), otherJob.close()])
  })
})

describe('a region that is down', () => {
  it('resets connections while its process lives, and serves again when healed', async () => {
    const pid = await emulator.pidOf('eastus2')
    await faults({ is: 'down', at: 'eastus2' })
    expect(await failureOf(one.send('GET', DISCOVERY))).toBe('ECONNRESET')
    expect((await one.arm('GET', VAULT)).status).toBe(503)
    expect((await one.arm('GET', '/resourceGroups/east')).status).toBe(200)
    await faults()
    expect(await reaches(one, DISCOVERY)).toBe(true)
    expect(await emulator.pidOf('eastus2')).toBe(pid)
  })

  it('can be down in one plane only', async () => {
    await faults({ is: 'down', at: 'eastus2', plane: 'arm' })
    expect((await one.arm('GET', VAULT)).status).toBe(503)
    const answer = await two.send('GET', 'https://eastus2.api.azureml.ms/mlflow/v1.0/nothing')
    expect(answer.status).toBeGreaterThanOrEqual(400)
  })
})

describe('a region that hangs', () => {
  it('takes connections and answers nothing, then goes on where it stopped', async () => {
    await one.send('GET', DISCOVERY)
    await faults({ is: 'hang', at: 'eastus2' })
    expect(await failureOf(one.send('GET', DISCOVERY))).toBe(NO_ANSWER)
    expect(await failureOf(one.arm('GET', VAULT))).toBe(NO_ANSWER)
    await faults()
    await two.send('GET', DISCOVERY)
    await faults({ is: 'hang', at: 'eastus2' })
    const waiting = [failureOf(two.arm('GET', VAULT)), failureOf(two.send('GET', DISCOVERY))]
    await faults()
    expect(await Promise.all(waiting)).toEqual(['answered', 'answered'])
  })
})

describe('slow and throttle', () => {
  it('adds the given time to requests of one plane', async () => {
    await faults({ is: 'slow', at: 'eastus2', plane: 'arm', milliseconds: 8000 })
    expect(await failureOf(one.arm('GET', VAULT))).toBe(NO_ANSWER)
  })

  it('answers 429 with the time to wait', async () => {
    await faults({ is: 'throttle', at: 'eastus2', plane: 'arm', retryAfterSeconds: 7 })
    const answer = await one.arm('GET', VAULT)
    expect(answer).toMatchObject({ status: 429, headers: { 'retry-after': '7' } })
  })
})

describe('sign-in', () => {
  it('can be down for everybody while regions and ARM serve callers who have a token', async () => {
    await one.arm('GET', VAULT)
    await faults({ is: 'down', at: 'signin' })
    expect(await failureOf(two.signIn())).toBe('ECONNRESET')
    expect((await one.arm('GET', VAULT)).status).toBe(200)
  })

  it('can throttle', async () => {
    await faults({ is: 'throttle', at: 'signin', retryAfterSeconds: 1 })
    expect(await failureOf(two.signIn())).toContain('429')
    expect((await one.arm('GET', VAULT)).status).toBe(200)
  })
})

describe('the list of faults', () => {
  it('stays in force for a region that is started again', async () => {
    await faults({ is: 'throttle', at: 'eastus2', retryAfterSeconds: 1 })
    await emulator.control('POST', 'regions/eastus2/kill')
    await emulator.control('POST', 'regions/eastus2/start')
    expect((await one.arm('GET', VAULT)).status).toBe(429)
  })

  it('is refused as a whole where one of them is wrong', async () => {
    const wrong = emulator.control('PUT', 'faults', { faults: [{ is: 'down', at: 'mars' }] })
    await expect(wrong).rejects.toThrow('must be one of eastus2, centralus, signin, arm')
    expect((await emulator.control('GET', 'faults'))['faults']).toEqual([])
  })
})

describe('a killed region', () => {
  it('ends the tunnels that lead to it', async () => {
    await one.send('GET', DISCOVERY)
    await emulator.control('POST', 'regions/eastus2/kill')
    await until('the region is gone', async () => (await failureOf(one.send('GET', DISCOVERY))) === 'ECONNRESET')
    await emulator.control('POST', 'regions/eastus2/start')
    expect(await reaches(one, DISCOVERY)).toBe(true)
  })

  it('ends the connections that it had not taken yet', async () => {
    const late = azureClient(emulator, 'late')
    process.kill((await emulator.pidOf('eastus2')) ?? 0, 'SIGSTOP')
    const waiting = Array.from({ length: 4 }, () => failureOf(late.send('GET', DISCOVERY)))
    await sleep(500)
    await emulator.control('POST', 'regions/eastus2/kill')
    const timeouts = [NO_ANSWER, 'UND_ERR_CONNECT_TIMEOUT', 'answered']
    for (const failure of await Promise.all(waiting)) expect(timeouts).not.toContain(failure)
    await emulator.control('POST', 'regions/eastus2/start')
    await late.close()
  })
})
