import type { Sender } from '../execute/sender.ts'
import { errorOf, isJsonObject } from '../execute/sender.ts'
import { isDeployed } from '../graph.ts'
import { isArray, isObject, type Json, type JsonObject, property, textAt } from '../json.ts'
import { Pending, type Place } from '../language/scope.ts'
import { bodyOf } from '../nested.ts'
import { isSecure } from '../parameters.ts'
import { type Prepared, scopeOf } from '../prepare.ts'
import { canonicalId, resourceGroupOf, typeAndNameOf } from '../resource-ids.ts'
import { type Declared, NESTED_TYPE } from '../resources.ts'
import { TemplateViolation } from '../violation.ts'
import { deltaOf, type PropertyChange } from './delta.ts'
import { masking } from './secrets.ts'

export type ChangeType = 'Create' | 'Delete' | 'Ignore' | 'Deploy' | 'NoChange' | 'Modify' | 'Unsupported'

/** What a deployment would do to one resource, in the words of the vendor's `WhatIfChange`. */
export interface Change {
  readonly resourceId: string
  readonly changeType: ChangeType
  readonly unsupportedReason?: string
  readonly before?: Json
  readonly after?: Json
  readonly delta?: readonly PropertyChange[]
}

export interface Foreseeing {
  readonly sender: Sender
  readonly mode: 'Incremental' | 'Complete'
  /** False: only which resources are met, and not how. */
  readonly whole: boolean
  /** Reads the template of a nested deployment at its own place. */
  prepareNested(resource: Declared, body: JsonObject): Promise<{ readonly prepared: Prepared; readonly place: Place }>
}

/** A live resource could not be asked, so nothing can be said of the deployment. */
export class Unforeseen extends Error {
  override readonly name = 'Unforeseen'
  readonly error: ReturnType<typeof errorOf>

  constructor(error: ReturnType<typeof errorOf>) {
    super(error.message)
    this.error = error
  }
}

const NESTED_ID = /\/providers\/microsoft\.resources\/deployments\/[^/]+$/i
/** Fields of a live resource that no template sets. */
const OF_THE_SERVICE = new Set(['etag', 'systemdata'])

/** Says what a prepared deployment would do, without doing it. Nothing is written. */
export async function foresee(prepared: Prepared, place: Place, by: Foreseeing): Promise<readonly Change[]> {
  const found = new Map<string, Change>()
  const looking: Looking = { ...by, found, scopes: new Set(), secrets: [] }
  await look(prepared, place, looking)
  for (const scope of looking.scopes) {
    const mode = scope === place.id ? by.mode : 'Incremental'
    for (const change of await others(scope, { ...by, mode }, found)) found.set(canonicalId(change.resourceId), change)
  }
  return masking(looking.secrets)([...found.values()])
}

interface Looking extends Foreseeing {
  /** By canonical id. */
  readonly found: Map<string, Change>
  /** Resource groups that are deployed to. */
  readonly scopes: Set<string>
  /** Values of secure parameters. */
  readonly secrets: Json[]
}

async function look(prepared: Prepared, place: Place, looking: Looking): Promise<void> {
  if (resourceGroupOf(place.id) !== undefined) looking.scopes.add(place.id)
  // What waits for a live resource stands as its own text, as the vendor's what-if shows it.
  const scope = prepared.scope((question) => {
    throw new Pending(question)
  })
  for (const [name, { type }] of Object.entries(prepared.parameters)) {
    if (isSecure(type)) looking.secrets.push(scope.parameter(name))
  }
  for (const resource of prepared.resources.filter(isDeployed)) {
    const body = bodyOf(resource, scopeOf(resource, scope), (_, text) => text)
    if (resource.type.toLowerCase() === NESTED_TYPE) await lookInside(resource, body, looking)
    else looking.found.set(canonicalId(resource.id), await changeOf(resource, body, looking))
  }
}

async function lookInside(resource: Declared, body: JsonObject, looking: Looking): Promise<void> {
  try {
    const { prepared, place } = await looking.prepareNested(resource, body)
    await look(prepared, place, looking)
  } catch (thrown) {
    if (!(thrown instanceof TemplateViolation)) throw thrown
    const unsupportedReason = `The nested deployment cannot be read before it is deployed: ${thrown.message}`
    looking.found.set(canonicalId(resource.id), {
      resourceId: resource.id,
      changeType: 'Unsupported',
      unsupportedReason,
    })
  }
}

async function changeOf(resource: Declared, body: JsonObject, { sender, whole }: Foreseeing): Promise<Change> {
  const { id: resourceId, apiVersion } = resource
  const answer = await sender.send('GET', `${encodeURI(resourceId)}?api-version=${encodeURIComponent(apiVersion)}`)
  const { type, name } = typeAndNameOf(resourceId)
  const after = { apiVersion, id: resourceId, name: name.split('/').at(-1) ?? '', type, ...body }
  if (answer.status === 404) return { resourceId, changeType: 'Create', ...(whole ? { after } : {}) }
  if (answer.status >= 500 && answer.status !== 501) throw new Unforeseen(errorOf(answer))
  if (answer.status >= 400 || !isJsonObject(answer.body)) {
    return { resourceId, changeType: 'Unsupported', unsupportedReason: errorOf(answer).message }
  }
  if (!whole) return { resourceId, changeType: 'Deploy' }
  const before = shown(answer.body, apiVersion)
  const delta = deltaOf(before, body)
  const changeType = delta.length === 0 ? 'NoChange' : 'Modify'
  return { resourceId, changeType, before, after: merged(before, after), ...(delta.length === 0 ? {} : { delta }) }
}

/** Resources of a group that the deployment does not name: left alone, or taken away in the mode Complete. */
async function others(scope: string, by: Foreseeing, found: ReadonlyMap<string, Change>): Promise<readonly Change[]> {
  const answer = await by.sender.send('GET', `${encodeURI(scope)}/resources?api-version=2021-04-01`)
  // A group that the deployment itself makes holds nothing yet.
  if (answer.status === 404) return []
  if (answer.status >= 400) throw new Unforeseen(errorOf(answer))
  const value = isJsonObject(answer.body) ? property(answer.body, 'value') : undefined
  const listed = isArray(value) ? value.filter(isObject) : []
  const fate = fateOfOthers(by.mode, [...found.values()])
  return listed.flatMap((one): Change[] => {
    const resourceId = textAt(one, 'id') ?? ''
    if (found.has(canonicalId(resourceId))) return []
    return [{ resourceId, ...fate, ...(by.whole ? { before: one } : {}) }]
  })
}

/** Where a nested deployment cannot be read, nobody knows what it names, and so what it would keep. */
function fateOfOthers(
  mode: Foreseeing['mode'],
  found: readonly Change[],
): Pick<Change, 'changeType' | 'unsupportedReason'> {
  if (mode === 'Incremental') return { changeType: 'Ignore' }
  const unread = found.find(({ changeType, resourceId }) => changeType === 'Unsupported' && NESTED_ID.test(resourceId))
  if (unread === undefined) return { changeType: 'Delete' }
  const unsupportedReason = `It is deleted unless the nested deployment '${unread.resourceId}' names it, which cannot be read yet.`
  return { changeType: 'Unsupported', unsupportedReason }
}

function shown(body: JsonObject, apiVersion: string): JsonObject {
  const kept = Object.entries(body).filter(([key]) => !OF_THE_SERVICE.has(key.toLowerCase()))
  return { apiVersion, ...Object.fromEntries(kept) }
}

/** The resource as it would be: what is there, with what the template sets in its place. */
function merged(before: JsonObject, after: JsonObject): JsonObject {
  const entries = Object.entries(after).map(([key, value]): [string, Json] => {
    const known = before[key]
    const both = isObject(known) && isObject(value) && key.toLowerCase() !== 'tags'
    return [key, both ? merged(known, value) : value]
  })
  return { ...before, ...Object.fromEntries(entries) }
}
