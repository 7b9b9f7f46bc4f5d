import type { Arm } from '../../src/azure/arm.ts'
import type { Azure } from '../../src/azure/open-azure.ts'
import { openPlace } from '../../src/services/place.ts'
import type { Place } from '../../src/services/service.ts'
import { startTestEmulator, type TestEmulator } from './emulator.ts'
import { azureOf, createWorkspace } from './workspaces.ts'

/** Two regions of an emulator, and workspaces in them for tests. */
export interface World {
  readonly emulator: TestEmulator
  readonly azure: Azure
  readonly arm: Arm
  /** A fresh workspace in each region: one to carry from, one to carry to. */
  pair(): Promise<Pair>
  /** What the region of a place acknowledged of writes below the place's workspace, over ARM or a data plane, as `PUT models/a/versions/1`. */
  writes(place: Place): Promise<readonly string[]>
  close(): Promise<void>
}

export interface Pair {
  readonly source: Place
  readonly target: Place
}

export async function openWorld(): Promise<World> {
  const emulator = await startTestEmulator()
  const azure = azureOf(emulator)
  const { arm } = azure
  let pairs = 0

  async function workspace(location: string, side: string, pair: number): Promise<Place> {
    const { subscription } = emulator
    const [group, name, account] = [`rg-${side}-${pair}`, `churn-${side}-${pair}`, `st${side}${pair}`]
    const id = await createWorkspace(arm, { subscription, group, name, location, account })
    const place = await openPlace(arm, id, { signal: AbortSignal.timeout(20_000) })
    if (place === undefined) throw new Error(`${id} is not there`)
    return place
  }

  return {
    emulator,
    azure,
    arm,
    pair: async () => {
      const pair = pairs++
      const source = await workspace('eastus2', 'one', pair)
      return { source, target: await workspace('centralus', 'two', pair) }
    },
    writes: async (place) => {
      const below = `${place.workspace}/`.toLowerCase()
      const lines = await emulator.activity(place.location)
      return lines
        .map(({ method, target }) => ({ method, target, at: target.toLowerCase().indexOf(below) }))
        .filter(({ at }) => at >= 0)
        .map(({ method, target, at }) => `${method} ${target.slice(at + below.length).replace(/\?.*$/, '')}`)
    },
    close: async () => {
      azure.close()
      await emulator.stop()
    },
  }
}
