import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestEmulator, type TestEmulator } from '../../test/support/emulator.ts'
import { azureOf, createWorkspace } from '../../test/support/workspaces.ts'
import type { Azure } from './open-azure.ts'
import { openAzure } from './open-azure.ts'
import type { Recorded } from './record.ts'
import { surroundingsOf } from './transport.ts'

const ML = '2025-12-01'
const signal = AbortSignal.timeout(120_000)
let emulator: TestEmulator
let azure: Azure
let workspace: string

beforeAll(async () => {
  emulator = await startTestEmulator()
  azure = azureOf(emulator)
  const { subscription } = emulator
  const wanted = { subscription, group: 'rg-a', name: 'churn', location: 'eastus2', account: 'sthttp' }
  workspace = await createWorkspace(azure.arm, wanted)
})

afterAll(async () => {
  azure?.close()
  await emulator?.stop()
})

async function meeting<T>(faults: readonly Readonly<Record<string, unknown>>[], work: () => Promise<T>): Promise<T> {
  await emulator.faults(faults)
  try {
    return await work()
  } finally {
    await emulator.faults([])
  }
}

function read(through = azure, within = signal): Promise<unknown> {
  return through.arm.get(workspace, { signal: within, apiVersion: ML })
}

describe('towards the emulator', () => {
  it('reads, changes and waits through the vendor’s pipeline', async () => {
    expect(await read()).toMatchObject({ name: 'churn' })
    expect(await azure.arm.get(`${workspace}-none`, { signal, apiVersion: ML })).toBeUndefined()
    const compute = {
      location: 'eastus2',
      properties: { computeType: 'AmlCompute', properties: { vmSize: 'STANDARD_DS3_V2' } },
    }
    const made = await azure.arm.put(`${workspace}/computes/cpu`, compute, { signal, apiVersion: ML })
    expect(made).toMatchObject({ properties: { provisioningState: 'Succeeded' } })
    const path = `${workspace}/computes/cpu?underlyingResourceAction=Delete`
    for (let twice = 0; twice < 2; twice++) await azure.arm.delete(path, { signal, apiVersion: ML })
  })

  it('is unreachable where the region is gone, is cut off or is dead', async () => {
    const unreachable = expect.objectContaining({ code: 'azure/unreachable' })
    for (const fault of [
      { is: 'down', at: 'eastus2' },
      { is: 'down', at: 'arm' },
    ]) {
      await meeting([fault], () => expect(read()).rejects.toEqual(unreachable))
    }
    await emulator.region('eastus2', 'kill')
    await expect(read()).rejects.toEqual(unreachable)
    await emulator.region('eastus2', 'start')
    expect(await read()).toMatchObject({ name: 'churn' })
  })

  it('does not hang with a region that hangs', async () => {
    const impatient = azureOf(emulator, 300)
    try {
      await read(impatient)
      await meeting([{ is: 'hang', at: 'eastus2' }], async () => {
        await expect(read(impatient)).rejects.toEqual(expect.objectContaining({ code: 'azure/unreachable' }))
        const patience = AbortSignal.timeout(200)
        await expect(read(azure, patience)).rejects.toEqual(expect.objectContaining({ code: 'azure/unreachable' }))
      })
    } finally {
      impatient.close()
    }
  })

  it('ends with the caller’s own reason where the caller ends it', async () => {
    const caller = new AbortController()
    await meeting([{ is: 'hang', at: 'eastus2' }], async () => {
      const reading = read(azure, caller.signal)
      caller.abort(new Error('Ctrl-C'))
      await expect(reading).rejects.toThrow('Ctrl-C')
    })
  })

  it('waits as long as a throttled service says', async () => {
    const throttled = meeting([{ is: 'throttle', at: 'eastus2', retryAfterSeconds: 0.2 }], async () => {
      setTimeout(() => void emulator.faults([]), 300)
      return read()
    })
    expect(await throttled).toMatchObject({ name: 'churn' })
  })

  it('goes on while sign-in is down, with the tokens it has', async () => {
    await read()
    await meeting([{ is: 'down', at: 'signin' }], async () => {
      expect(await read()).toMatchObject({ name: 'churn' })
      const fresh = azureOf(emulator)
      await expect(read(fresh)).rejects.toEqual(expect.objectContaining({ code: 'azure/signin' }))
      fresh.close()
    })
  })

  it('asks for a new token where the one it has is refused', async () => {
    const { tokens } = azure
    const real = tokens.token
    let first = true
    const stale = openAzure({ surroundings: surroundingsOf(emulator.env) })
    const { exchange } = stale
    Object.assign(stale.tokens, {
      token: async (audience: string, within: AbortSignal) => {
        const given = first ? 'expired' : await real(audience, within)
        first = false
        return given
      },
    })
    const url = `https://management.azure.com${workspace}?api-version=${ML}`
    expect((await exchange({ method: 'GET', url, signal })).status).toBe(200)
    stale.close()
  })

  it('sends nothing to a subscription that is not the emulator’s', async () => {
    const lines: Recorded[] = []
    const recorded = openAzure({ surroundings: surroundingsOf(emulator.env), record: (line) => lines.push(line) })
    const path = '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/x'
    await expect(recorded.arm.get(path, { signal, apiVersion: '2022-09-01' })).rejects.toEqual(
      expect.objectContaining({ code: 'azure/not-emulator' }),
    )
    expect(lines).toMatchObject([{ thrown: expect.stringContaining('not the emulator') }])
    recorded.close()
  })

  it('reaches no host that the emulator does not play', async () => {
    const url = 'https://example.com/'
    await expect(azure.probe({ method: 'GET', url, signal })).rejects.toEqual(
      expect.objectContaining({ code: 'azure/unreachable' }),
    )
  })
})
