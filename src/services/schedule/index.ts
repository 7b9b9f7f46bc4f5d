import type { Arm, Body } from '../../azure/arm.ts'
import { type Address, address, type Item, type JsonObject, segmentsOf } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { localBody, ML_API, portableBody, propertiesOf, textOf } from '../arm-body.ts'
import { localName, portableName } from '../naming.ts'
import { referencesIn, renamedIn } from '../references.ts'
import type { Carriage, Place, Reach, Service } from '../service.ts'
import { isEnabled, parkedBody, SCHEDULE_SCHEMA } from './schema.ts'

/** Schedules: what fires by itself. See ./readme.md. */
export function schedules(arm: Arm): Service {
  function all(place: Place, signal: AbortSignal): AsyncIterable<Body> {
    const query = { listViewType: 'All' }
    return arm.pages(`${place.workspace}/schedules`, { signal, apiVersion: ML_API, query })
  }

  async function* list(place: Place, { signal }: Reach): AsyncIterable<Item> {
    for await (const found of all(place, signal)) yield itemOf(place, portableNameOf(place, found), found)
  }

  async function read(place: Place, of: Address, { signal }: Reach): Promise<Item | undefined> {
    const found = await arm.get(pathOf(place, of), { signal, apiVersion: ML_API })
    return found === undefined ? undefined : itemOf(place, nameOf(of), found)
  }

  function itemOf(place: Place, name: string, resource: JsonObject): Item {
    const body = portableBody(place, resource, SCHEDULE_SCHEMA)
    return item(address('schedule', name), body, referencesIn(body))
  }

  function pathOf(place: Place, of: Address): string {
    return `${place.workspace}/schedules/${localName(place, 'schedules', nameOf(of))}`
  }

  async function converge(place: Place, wanted: Item, { source, signal }: Carriage): Promise<Item> {
    const there = await read(place, wanted.address, { signal })
    if (there?.digest === wanted.digest) return there
    const body = localBody(place, wanted.body, source)
    const stands = await arm.put(pathOf(place, wanted.address), body, { signal, apiVersion: ML_API })
    return itemOf(place, nameOf(wanted.address), stands)
  }

  async function fence(place: Place, { signal }: Reach): Promise<readonly Address[]> {
    const found: Address[] = []
    for await (const schedule of all(place, signal)) {
      if (!isEnabled(schedule)) continue
      const name = textOf(schedule['name']) ?? ''
      const { provisioningState: _, ...properties } = propertiesOf(schedule)
      const body = { properties: { ...properties, isEnabled: false } }
      await arm.put(`${place.workspace}/schedules/${name}`, body, { signal, apiVersion: ML_API })
      found.push(address('schedule', portableNameOf(place, schedule)))
    }
    return found.sort()
  }

  return {
    kind: 'schedule',
    needs: ['compute', 'datastore', 'environment', 'code', 'data', 'model', 'component'],
    can: { converge: true, update: true, remove: true, acts: true, ordered: false },
    list,
    read,
    references: referencesIn,
    converge,
    remove: (place, of, { signal }) => arm.delete(pathOf(place, of), { signal, apiVersion: ML_API }),
    parked: parkedBody,
    renamed: renamedIn,
    fence,
  }
}

function portableNameOf(place: Place, schedule: Body): string {
  return portableName(place, 'schedules', textOf(schedule['name']) ?? '')
}

function nameOf(of: Address): string {
  return segmentsOf(of)[0] ?? ''
}
