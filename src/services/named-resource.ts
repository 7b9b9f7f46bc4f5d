import type { Arm, Body } from '../azure/arm.ts'
import { type Address, address, type Item, type Kind, segmentsOf } from '../core/model.ts'
import { item } from '../core/snapshot.ts'
import { ML_API, textOf } from './arm-body.ts'
import { localName, portableName } from './naming.ts'
import type { Place, Reach } from './service.ts'

/** How a kind whose items are a resource each, right below the workspace and named, differs from the others of that shape. */
export interface NamedKind {
  readonly kind: Kind
  /** Its collection in ARM, such as `computes`. */
  readonly collection: string
  /** Query of a listing that gives all, where one without it does not. */
  readonly query?: Readonly<Record<string, string>>
  /** A resource in portable form. */
  readonly body: (place: Place, resource: Body) => Item['body']
  readonly references?: (body: Item['body']) => readonly Address[]
}

/** What such a kind's service reads by. */
export interface NamedResources {
  /** Every resource as ARM gives it, to the last page. */
  resources(place: Place, reach: Reach): AsyncIterable<Body>
  list(place: Place, reach: Reach): AsyncIterable<Item>
  read(place: Place, of: Address, reach: Reach): Promise<Item | undefined>
  /** The item that a resource of this place is. */
  itemOf(place: Place, resource: Body, name?: string): Item
  pathOf(place: Place, of: Address): string
}

/** Reads resources that are named below a workspace, under the names by which both sides know them. */
export function namedResources(arm: Arm, { kind, collection, query, body, references }: NamedKind): NamedResources {
  function resources(place: Place, { signal }: Reach): AsyncIterable<Body> {
    const options = { signal, apiVersion: ML_API, ...(query === undefined ? {} : { query }) }
    return arm.pages(`${place.workspace}/${collection}`, options)
  }

  async function* list(place: Place, reach: Reach): AsyncIterable<Item> {
    for await (const found of resources(place, reach)) yield itemOf(place, found)
  }

  async function read(place: Place, of: Address, { signal }: Reach): Promise<Item | undefined> {
    const found = await arm.get(pathOf(place, of), { signal, apiVersion: ML_API })
    return found === undefined ? undefined : itemOf(place, found, nameOf(of))
  }

  function itemOf(place: Place, resource: Body, name?: string): Item {
    const known = name ?? portableName(place, collection, textOf(resource['name']) ?? '')
    const portable = body(place, resource)
    return item(address(kind, known), portable, references?.(portable))
  }

  function pathOf(place: Place, of: Address): string {
    return `${place.workspace}/${collection}/${localName(place, collection, nameOf(of))}`
  }

  return { resources, list, read, itemOf, pathOf }
}

/** Name of the resource that an address of such a kind is of. */
export function nameOf(of: Address): string {
  return segmentsOf(of)[0] ?? ''
}
