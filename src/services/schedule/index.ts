import type { Arm, Body } from '../../azure/arm.ts'
import type { Address, Item } from '../../core/model.ts'
import { localBody, ML_API, portableBody, propertiesOf, textOf } from '../arm-body.ts'
import { namedResources, nameOf } from '../named-resource.ts'
import { referencesIn, renamedIn } from '../references.ts'
import type { Carriage, Place, Reach, Service } from '../service.ts'
import { stopEach } from '../stop-each.ts'
import { isEnabled, parkedBody, SCHEDULE_SCHEMA } from './schema.ts'

/** Schedules: what fires by itself. See ./readme.md. */
export function schedules(arm: Arm): Service {
  const { resources, list, read, itemOf, pathOf } = namedResources(arm, {
    kind: 'schedule',
    collection: 'schedules',
    query: { listViewType: 'All' },
    body: (place, resource) => portableBody(place, resource, SCHEDULE_SCHEMA),
    references: referencesIn,
  })

  async function converge(place: Place, wanted: Item, { source, signal }: Carriage): Promise<Item> {
    const there = await read(place, wanted.address, { signal })
    if (there?.digest === wanted.digest) return there
    const body = localBody(place, wanted.body, source)
    const stands = await arm.put(pathOf(place, wanted.address), body, { signal, apiVersion: ML_API })
    return itemOf(place, stands, nameOf(wanted.address))
  }

  function fence(place: Place, { signal }: Reach): Promise<readonly Address[]> {
    return stopEach(enabled(place, signal), { width: 1, signal, stop: (one) => disable(place, one, signal) })
  }

  async function* enabled(place: Place, signal: AbortSignal): AsyncIterable<Body> {
    for await (const schedule of resources(place, { signal })) if (isEnabled(schedule)) yield schedule
  }

  async function disable(place: Place, schedule: Body, signal: AbortSignal): Promise<Address> {
    const name = textOf(schedule['name']) ?? ''
    const { provisioningState: _, ...properties } = propertiesOf(schedule)
    const body = { properties: { ...properties, isEnabled: false } }
    await arm.put(`${place.workspace}/schedules/${name}`, body, { signal, apiVersion: ML_API })
    return itemOf(place, schedule).address
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
