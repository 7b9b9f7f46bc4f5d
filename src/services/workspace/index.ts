import type { Arm } from '../../azure/arm.ts'
import { digestOf, sameJson } from '../../core/canonical.ts'
import { Fault } from '../../core/errors.ts'
import { address, type Item, type Json, type JsonObject } from '../../core/model.ts'
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
    return found === undefined
      ? undefined
      : item(SETTINGS, withoutEmptyLists(portableBody(place, found, WORKSPACE_SCHEMA)))
  }

  async function converge(place: Place, wanted: Item, { signal }: Reach): Promise<Item> {
    const there = await settings(place, { signal })
    if (there?.digest === wanted.digest) return there
    await arm.patch(place.workspace, place.local(changeTo(wanted.body, there?.body ?? {})), {
      signal,
      apiVersion: ML_API,
    })
    const stands = (await settings(place, { signal })) ?? wanted
    const left = unlike(wanted.body, stands.body)
    if (left.length > 0) throw notTaken(place, left)
    return stands
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
function changeTo(wanted: JsonObject, there: JsonObject): JsonObject {
  const { properties: _, ...beside } = changedFields(wanted, there)
  const tags = 'tags' in there && !('tags' in wanted) ? { tags: {} } : {}
  const [own, before] = [propertiesOf(wanted), propertiesOf(there)]
  const cleared = goneFrom(own, before).map((field) => [field, emptied(before[field])])
  return { ...beside, ...tags, properties: { ...changedFields(own, before), ...Object.fromEntries(cleared) } }
}

function changedFields(wanted: JsonObject, there: JsonObject): JsonObject {
  const changed = Object.entries(wanted).filter(([field, value]) => {
    const before = there[field]
    return before === undefined || digestOf(before) !== digestOf(value)
  })
  return Object.fromEntries(changed)
}

/** Fields that only the second says. */
function goneFrom(wanted: JsonObject, there: JsonObject): readonly string[] {
  return Object.keys(there).filter((field) => !(field in wanted))
}

/** Settings that Azure left as they were, by name, or that something else has set again. */
function unlike(wanted: JsonObject, stands: JsonObject): readonly string[] {
  const settings = ({ properties: _, ...beside }: JsonObject) => beside
  return [
    ...unequal(settings(wanted), settings(stands)),
    ...unequal(propertiesOf(wanted), propertiesOf(stands)),
  ].toSorted()
}

function unequal(one: JsonObject, other: JsonObject): readonly string[] {
  const fields = new Set([...Object.keys(one), ...Object.keys(other)])
  return [...fields].filter((field) => !sameJson(one[field], other[field]))
}

/** What says as little as a field that is not there, and is not taken for one that is not to be changed. */
function emptied(value: Json | undefined): Json {
  if (Array.isArray(value)) return []
  if (typeof value === 'string') return ''
  return typeof value === 'object' && value !== null ? {} : null
}

function withoutEmptyLists(body: JsonObject): JsonObject {
  const said = Object.entries(propertiesOf(body)).filter(([, value]) => !(Array.isArray(value) && value.length === 0))
  return { ...body, properties: Object.fromEntries(said) }
}

function notTaken({ workspace }: Place, fields: readonly string[]): Fault {
  return new Fault('azure/refused', `${workspace} keeps its own ${fields.join(', ')}, though the change was taken`, {
    facts: { left: fields.join(', ') },
    hint: 'Set it by hand there as it is on the active side, and look for a policy of Azure that sets it.',
  })
}
