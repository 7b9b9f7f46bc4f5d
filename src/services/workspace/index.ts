import type { Arm } from '../../azure/arm.ts'
import { digestOf } from '../../core/canonical.ts'
import { address, type Item, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { ML_API, portableBody, propertiesOf } from '../arm-body.ts'
import type { Place, Reach, Service } from '../service.ts'
import { WORKSPACE_SCHEMA } from './schema.ts'

/** A workspace has one item, which is itself. */
const SETTINGS = address('workspace', 'settings')

/** The settings of the workspace itself. What it stands on is `provision`'s work. See ./readme.md. */
export function workspaces(arm: Arm): Service {
  async function* list(place: Place, reach: Reach): AsyncIterable<Item> {
    const found = await settings(place, reach)
    if (found !== undefined) yield found
  }

  async function settings(place: Place, { signal }: Reach): Promise<Item | undefined> {
    const found = await arm.get(place.workspace, { signal, apiVersion: ML_API })
    return found === undefined ? undefined : item(SETTINGS, portableBody(place, found, WORKSPACE_SCHEMA))
  }

  async function converge(place: Place, wanted: Item, { signal }: Reach): Promise<Item> {
    const there = await settings(place, { signal })
    if (there?.digest === wanted.digest) return there
    const { properties: _, ...beside } = changedFields(wanted.body, there?.body ?? {})
    const properties = changedFields(propertiesOf(wanted.body), propertiesOf(there?.body ?? {}))
    const cleared = clearedTexts(propertiesOf(wanted.body), propertiesOf(there?.body ?? {}))
    const change = place.local({ ...beside, properties: { ...properties, ...cleared } } as JsonObject)
    await arm.patch(place.workspace, change, { signal, apiVersion: ML_API })
    return (await settings(place, { signal })) ?? wanted
  }

  return {
    kind: 'workspace',
    needs: [],
    can: { converge: true, update: true, remove: false, acts: false, ordered: false },
    list,
    read: (place, of, reach) => (of === SETTINGS ? settings(place, reach) : Promise.resolve(undefined)),
    references: () => [],
    converge,
    // A workspace is removed by people, never by a plan.
    remove: () => Promise.resolve(),
  }
}

/** Only what differs is sent, so that a field which Azure lets nobody change stands in nothing's way. */
function changedFields(wanted: JsonObject, there: JsonObject): JsonObject {
  const changed = Object.entries(wanted).filter(([field, value]) => {
    const before = there[field]
    return before === undefined || digestOf(before) !== digestOf(value)
  })
  return Object.fromEntries(changed)
}

function clearedTexts(wanted: JsonObject, there: JsonObject): JsonObject {
  const cleared = ['description', 'imageBuildCompute'].filter((field) => field in there && !(field in wanted))
  return Object.fromEntries(cleared.map((field) => [field, '']))
}
