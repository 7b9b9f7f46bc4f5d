import type { Arm, Body } from '../azure/arm.ts'
import { digestOf } from '../core/canonical.ts'
import { Fault } from '../core/errors.ts'
import { type Address, address, type Item, type JsonObject, type Kind, segmentsOf } from '../core/model.ts'
import { item } from '../core/snapshot.ts'
import { ahead } from './ahead.ts'
import { type BodySchema, localBody, ML_API, portableBody, propertiesOf, textOf, withProperties } from './arm-body.ts'
import { localName, portableName } from './naming.ts'
import { referencesIn, renamedIn } from './references.ts'
import type { Carriage, Place, Reach, Service } from './service.ts'

/** What is particular to one kind of asset that has a container and versions in it. */
export interface AssetKind {
  readonly kind: Kind
  /** Segment of ARM's path: `models` in `/workspaces/{w}/models/{name}/versions/{version}`. */
  readonly collection: string
  readonly needs: readonly Kind[]
  /** True where things can be archived and lists leave them out unless asked. */
  readonly archives: boolean
  /** Versions have an order that means something: `@latest` is the newest by creation. */
  readonly ordered: boolean
  readonly schema: BodySchema
  /** Fields of `properties` that may change once the thing is there; all others are frozen. */
  readonly mutable: ReadonlySet<string>
  /** True for what the vendor keeps in every workspace: it is left as it is. */
  curated?(resource: Body): boolean
}

/** Lists of versions that are asked for at once. */
const LISTS_AT_ONCE = 6

/**
 * A kind of versioned assets. Its containers (`model/churn`) and its versions (`model/churn/3`) are both items.
 * Versions are told in the order of their creation.
 */
export function versionedAsset(arm: Arm, kind: AssetKind): Service {
  const view: Readonly<Record<string, string>> = kind.archives ? { listViewType: 'All' } : {}

  async function* list(place: Place, { signal }: Reach): AsyncIterable<Item> {
    const path = `${place.workspace}/${kind.collection}`
    const containers = arm.pages(path, { signal, apiVersion: ML_API, query: view })
    const found = ahead(LISTS_AT_ONCE, containers, async (container) => {
      if (kind.curated?.(container) === true) return []
      const versions = await versionsOf(place, container, signal)
      return versions === undefined ? [] : [container, ...versions]
    })
    for await (const [container, ...versions] of found) {
      if (container === undefined) continue
      const name = portableName(place, kind.collection, nameOf(container))
      yield itemOf(place, name, undefined, container)
      for (const [order, version] of versions.entries()) {
        yield itemOf(place, name, { name: nameOf(version), order }, version)
      }
    }
  }

  /** Oldest first; `undefined` for a container that is gone meanwhile. */
  async function versionsOf(place: Place, container: Body, signal: AbortSignal): Promise<readonly Body[] | undefined> {
    const path = `${place.workspace}/${kind.collection}/${encodeURIComponent(nameOf(container))}`
    const query = { ...view, $orderBy: 'createdtime asc' }
    const versions: Body[] = []
    try {
      for await (const one of arm.pages(`${path}/versions`, { signal, apiVersion: ML_API, query })) versions.push(one)
    } catch (thrown) {
      if ((thrown as Fault).facts?.['status'] !== 404) throw thrown
      return (await isGone(place, path, signal)) ? undefined : []
    }
    const isCurated = (one: Body) => kind.curated?.(one) === true
    return versions.filter((one) => !isCurated(one)).sort((a, b) => byText(createdAt(a), createdAt(b)))
  }

  /**
   * Whether a container whose versions were not found is gone itself; if not, it has none.
   *
   * @throws Fault `observe/incomplete` where the whole workspace is gone: that says nothing of one container
   */
  async function isGone(place: Place, container: string, signal: AbortSignal): Promise<boolean> {
    if ((await arm.get(container, { signal, apiVersion: ML_API })) !== undefined) return false
    if ((await arm.get(place.workspace, { signal, apiVersion: ML_API })) !== undefined) return true
    throw cutShort(kind.collection, place)
  }

  async function read(place: Place, of: Address, { signal }: Reach): Promise<Item | undefined> {
    const [name = '', version] = segmentsOf(of)
    const found = await arm.get(pathOf(place, of), { signal, apiVersion: ML_API })
    if (found === undefined) return undefined
    return itemOf(place, name, version === undefined ? undefined : { name: version }, found)
  }

  function itemOf(
    place: Place,
    name: string,
    version: { readonly name: string; readonly order?: number } | undefined,
    resource: Body,
  ): Item {
    const body = portableBody(place, resource, kind.schema)
    const container = address(kind.kind, name)
    if (version === undefined) return item(container, body)
    const needs = [container, ...referencesIn(body)]
    return item(address(kind.kind, name, version.name), body, needs, version.order)
  }

  function pathOf(place: Place, of: Address): string {
    const [name = '', version] = segmentsOf(of)
    const own = encodeURIComponent(localName(place, kind.collection, name))
    const container = `${place.workspace}/${kind.collection}/${own}`
    return version === undefined ? container : `${container}/versions/${encodeURIComponent(version)}`
  }

  async function converge(place: Place, wanted: Item, { source, signal }: Carriage): Promise<Item> {
    const there = await read(place, wanted.address, { signal })
    if (there?.digest === wanted.digest) return there
    if (there !== undefined && digestOf(frozen(there.body)) !== digestOf(frozen(wanted.body))) {
      throw otherContent(wanted.address)
    }
    const body = localBody(place, wanted.body, source)
    const stands = await arm.put(pathOf(place, wanted.address), body, { signal, apiVersion: ML_API })
    const [name = '', version] = segmentsOf(wanted.address)
    return itemOf(place, name, version === undefined ? undefined : { name: version }, stands)
  }

  function frozen(body: JsonObject): JsonObject {
    return Object.fromEntries(Object.entries(propertiesOf(body)).filter(([field]) => !kind.mutable.has(field)))
  }

  return {
    kind: kind.kind,
    needs: kind.needs,
    can: { converge: true, update: true, remove: true, acts: false, ordered: kind.ordered },
    list,
    read,
    references: referencesIn,
    converge,
    remove: (place, of, { signal }) => arm.delete(pathOf(place, of), { signal, apiVersion: ML_API }),
    frozen,
    ...(kind.archives ? { archived: (body: JsonObject) => withProperties(body, { isArchived: true }) } : {}),
    renamed: renamedIn,
  }
}

/** Fields of containers and versions that only Azure sets. */
export const ASSET_READ_ONLY: ReadonlySet<string> = new Set(['provisioningState', 'latestVersion', 'nextVersion'])

/** Fields of versions that Azure lets change: all others are fixed when the version is made. */
export const ASSET_MUTABLE: ReadonlySet<string> = new Set([
  'description',
  'displayName',
  'tags',
  'properties',
  'isArchived',
  'stage',
  'autoDeleteSetting',
])

function nameOf(resource: Body): string {
  return textOf(resource['name']) ?? ''
}

function createdAt(resource: Body): string {
  const { createdAt: at } = (resource['systemData'] ?? {}) as { readonly createdAt?: string }
  return at ?? ''
}

/** Keeps the order of the list where instants are equal or missing. */
function byText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

function otherContent(of: Address): Fault {
  return new Fault('sync/conflict', `${of} stands there with other content, which can never change`, {
    hint: 'Plan again: the planner maps it to a version of its own or refuses it, as the policy says.',
  })
}

function cutShort(collection: string, { workspace }: Place): Fault {
  return new Fault(
    'observe/incomplete',
    `The list of ${collection} did not come to its end: ${workspace} is not there any more`,
    {
      facts: { target: workspace },
      hint: 'Look at what became of the workspace; nothing is decided from a part of a list.',
    },
  )
}
