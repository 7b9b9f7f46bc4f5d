import { countOf, envelope, page, placeOf, queryOf } from '../arm/envelope.ts'
import type { Narrowing, Place, Resource, Selection } from '../arm/resources.ts'
import type { Call, Reply } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'

type Keep = (resource: Resource) => boolean

/** One page of what stands under `parent`, in the order and with the page size the call asks for. */
export function listed(
  region: Region,
  call: Call,
  wanted: Omit<Selection, 'order' | 'place' | 'limit'> & { readonly newestFirst: boolean },
  shown: (resources: readonly Resource[]) => readonly unknown[] = envelopes,
): Reply {
  const limit = countOf(call, '$top', { otherwise: countOf(call, 'count', { otherwise: 100, most: 1000 }), most: 1000 })
  const order = orderOf(call, wanted.newestFirst)
  const { items, next } = region.resources.select({ ...wanted, order, limit, place: placeIn(call) })
  return page(call, shown(items), next)
}

function envelopes(resources: readonly Resource[]): readonly unknown[] {
  return resources.map((one) => envelope(one))
}

/** What `listViewType` asks for; `undefined` where that is nothing. `hidden` says that all of it counts as archived. */
export function byArchive(call: Call, hidden = false): Narrowing | undefined {
  const view = (queryOf(call, 'listViewType') ?? 'ActiveOnly').toLowerCase()
  switch (view) {
    case 'all':
      return {}
    case 'activeonly':
      return hidden ? undefined : { isArchived: false }
    case 'archivedonly':
      return hidden ? {} : { isArchived: true }
    default:
      throw new Refusal(400, 'InvalidParameter', `The query parameter 'listViewType' has no value '${view}'.`)
  }
}

/** Keeps versions that match the filters of the call: `version`, `tags`, `properties`, `description`, `stage`. */
export function byContent(call: Call): { readonly keep: Keep; readonly narrowed: Narrowing } {
  const tests: Keep[] = []
  const version = queryOf(call, 'version')
  if (version !== undefined) tests.push((one) => one.name === version)
  for (const field of ['description', 'stage']) {
    const wanted = queryOf(call, field)
    if (wanted !== undefined) tests.push((one) => propertyOf(one, field) === wanted)
  }
  const tags = pairsOf(queryOf(call, 'tags') ?? queryOf(call, '$tags'))
  tests.push(...tags.map((pair) => pairTest('tags', pair)))
  tests.push(...pairsOf(queryOf(call, 'properties')).map((pair) => pairTest('properties', pair)))
  const [tag] = tags
  return { keep: (one) => tests.every((test) => test(one)), narrowed: tag === undefined ? {} : { tag } }
}

/** A property of a resource, as stored. */
export function propertyOf(resource: Resource, name: string): unknown {
  return (resource.body['properties'] as Record<string, unknown> | undefined)?.[name]
}

interface Pair {
  readonly key: string
  /** Absent: the key is there, whatever its value. */
  readonly value?: string
}

/** Pairs of `a,b=c`. */
function pairsOf(text: string | undefined): Pair[] {
  return (text ?? '')
    .split(',')
    .filter((pair) => pair.trim() !== '')
    .map((pair) => {
      const [key = '', ...rest] = pair.trim().split('=')
      return rest.length === 0 ? { key } : { key, value: rest.join('=') }
    })
}

/** Keeps what has the pair in one of its properties. */
export function pairTest(field: string, { key, value }: Pair): Keep {
  return (one) => {
    const held = propertyOf(one, field) as Record<string, unknown> | null | undefined
    return held != null && key in held && (value === undefined || String(held[key]) === value)
  }
}

function orderOf(call: Call, newestFirst: boolean): Selection['order'] {
  const text = queryOf(call, '$orderBy')
  if (text === undefined) return { by: 'created', newestFirst }
  const [, by, direction] = /^\s*(createdtime|modifiedtime)(?:\s+(asc|desc))?\s*$/i.exec(text) ?? []
  if (by === undefined) {
    const message = `The query parameter '$orderBy' is '${text}'; createdtime and modifiedtime can be ordered by, asc or desc.`
    throw new Refusal(400, 'InvalidParameter', message)
  }
  return {
    by: by.toLowerCase() === 'modifiedtime' ? 'modified' : 'created',
    newestFirst: direction?.toLowerCase() === 'desc',
  }
}

function placeIn(call: Call): Place | undefined {
  const place = placeOf(call)
  if (place === undefined) return undefined
  if (Array.isArray(place) && typeof place[0] === 'string' && typeof place[1] === 'number') return [place[0], place[1]]
  throw new Refusal(400, 'InvalidSkipToken', 'The continuation token is of another list.')
}
