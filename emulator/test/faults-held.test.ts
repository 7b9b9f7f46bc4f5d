import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { type AzureClient, azureClient } from './azure-client.ts'
import { type RunningEmulator, runEmulator } from './run-emulator.ts'

const GROUP = '/resourceGroups/held'
const vault = (name: string) => `${GROUP}/providers/Microsoft.KeyVault/vaults/${name}`
const BODY = { location: 'eastus2', properties: {} }

let emulator: RunningEmulator
let client: AzureClient

beforeAll(async () => {
  emulator = await runEmulator()
  client = azureClient(emulator, 'held')
  await client.signIn()
  await client.arm('PUT', GROUP, { location: 'eastus2' })
}, 40_000)

afterEach(async () => {
  await emulator.control('DELETE', 'faults')
})

afterAll(async () => {
  await client?.close()
  await emulator?.end()
})

/** Orders one fault that meets one PUT of a vault, and gives what tells whether it did. */
async function order(is: string, name: string): Promise<() => Promise<boolean>> {
  await emulator.control('PUT', 'faults', [{ is, at: 'eastus2', route: `PUT **/vaults/${name}`, times: 1 }])
  return async () => {
    const { faults, met } = (await emulator.control('GET', 'faults')) as unknown as {
      faults: readonly { id: string }[]
      met: Readonly<Record<string, number>>
    }
    return met[faults[0]?.id ?? ''] === 1
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(20)
}

it('is a write that is done and recorded while its client waits', async () => {
  const met = await order('held-answer', 'kept')
  let answered = false
  const answer = client.arm('PUT', vault('kept'), BODY).finally(() => {
    answered = true
  })
  await until(met)
  expect((await client.arm('GET', vault('kept'))).status).toBe(200)
  expect(answered).toBe(false)
  await emulator.control('DELETE', 'faults')
  expect((await answer).status).toBeLessThan(300)
})

it('counts what was met', async () => {
  const met = await order('held-answer', 'counted')
  expect(await met()).toBe(false)
  const answer = client.arm('PUT', vault('counted'), BODY)
  await until(met)
  await emulator.control('DELETE', 'faults')
  await answer
})

it('that was never looked at is not done when its client has gone', async () => {
  const met = await order('hang', 'never')
  // This client waits for three seconds and goes.
  const answer = client.arm('PUT', vault('never'), BODY)
  await expect(answer).rejects.toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' })
  expect(await met()).toBe(true)
  await emulator.control('DELETE', 'faults')
  expect((await client.arm('GET', vault('never'))).status).toBe(404)
})
