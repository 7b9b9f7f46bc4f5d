import { type OpenReach, openReach } from '../../src/cli/compose/reach.ts'
import type { Item } from '../../src/core/model.ts'
import type { Carriage, Converged, Place, Service } from '../../src/services/service.ts'
import type { World } from './world.ts'

const opened = new WeakMap<World, OpenReach>()

/** The product's own way to run history, blobs and checkpoints of a world. */
export function reachOf(world: World): OpenReach {
  const before = opened.get(world)
  if (before !== undefined) return before
  const reach = openReach(world.azure)
  opened.set(world, reach)
  return reach
}

/** What the region of a place acknowledged of writes to the place's storage account, as `PUT container/name`. */
export async function blobWrites(world: World, place: Place): Promise<readonly string[]> {
  const account = place.storageAccount.slice(place.storageAccount.lastIndexOf('/') + 1)
  const subject = `blob/${account}/`
  const lines = await world.emulator.activity(place.location)
  return lines.flatMap(({ method, subject: of }) =>
    String(of).startsWith(subject) ? [`${method} ${String(of).slice(subject.length)}`] : [],
  )
}

/** Carries everything of a kind that differs. Returns what was carried. */
export async function sync(service: Service, place: Place, carriage: Carriage): Promise<readonly Converged[]> {
  const standing = new Map<string, string>()
  for await (const item of service.list(place, { signal: carriage.signal, as: 'target' })) {
    standing.set(item.address, item.digest)
  }
  const carried: Converged[] = []
  for (const item of await listed(service, carriage.source, carriage.signal)) {
    if (standing.get(item.address) === item.digest) continue
    carried.push(await service.converge(place, item, { ...carriage, as: 'target' }))
  }
  return carried
}

/** Everything of a kind in a place, as a source. */
export async function listed(service: Service, place: Place, signal: AbortSignal): Promise<readonly Item[]> {
  const items: Item[] = []
  for await (const item of service.list(place, { signal, as: 'source' })) items.push(item)
  return items
}
