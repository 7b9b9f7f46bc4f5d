import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type AzureClient, azureClient } from './azure-client.ts'
import { type RunningEmulator, runEmulator } from './run-emulator.ts'

const PLACES = [
  { group: 'east', location: 'eastus2' },
  { group: 'central', location: 'centralus' },
] as const
const KILLS = 4

let emulator: RunningEmulator
let clients: readonly AzureClient[]

beforeAll(async () => {
  emulator = await runEmulator()
  clients = ['a', 'b', 'c', 'd'].map((name) => azureClient(emulator, name))
  for (const { group, location } of PLACES) await clients[0]?.arm('PUT', `/resourceGroups/${group}`, { location })
})

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await emulator.end()
})

/** Creates resources one after the other until told to end; gives the paths of those that were acknowledged. */
async function writing(client: AzureClient, index: number, ending: AbortSignal): Promise<readonly string[]> {
  const acknowledged: string[] = []
  const place = PLACES[index % 2] ?? PLACES[0]
  for (let n = 0; !ending.aborted; n++) {
    const path = `/resourceGroups/${place.group}/providers/Microsoft.KeyVault/vaults/v${index}x${n}`
    const answer = await client.arm('PUT', path, { location: place.location }).catch(() => undefined)
    if (answer?.status === 201) acknowledged.push(path)
  }
  return acknowledged
}

it('loses nothing that was acknowledged while regions are killed under writers', async () => {
  const [reader] = clients
  const ending = new AbortController()
  const writers = clients.map((client, index) => writing(client, index, ending.signal))

  for (let kill = 0; kill < KILLS; kill++) {
    const region = PLACES[kill % 2]?.location
    await sleep(300)
    await emulator.control('POST', `regions/${region}/kill`)
    await emulator.control('POST', `regions/${region}/start`)
  }
  ending.abort()
  const acknowledged = (await Promise.all(writers)).flat()

  expect(acknowledged.length).toBeGreaterThan(0)
  for (const path of acknowledged) expect((await reader?.arm('GET', path))?.status, path).toBe(200)
  const listed = (await reader?.arm('GET', '/resources'))?.body['value'] as { id: string }[]
  const ids = new Set(listed.map(({ id }) => id.replace(/^\/subscriptions\/[^/]+/, '')))
  expect(acknowledged.filter((path) => !ids.has(path))).toEqual([])
}, 60_000)
