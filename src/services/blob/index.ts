import type { BlobInfo, BlobStore } from '../../blobs/blob-store.ts'
import { Fault } from '../../core/errors.ts'
import { type Address, type Item, segmentsOf } from '../../core/model.ts'
import { copyBlob } from '../blob-copy.ts'
import { OWN_CONTAINER } from '../blob-origin.ts'
import type { Carriage, Converged, Place, Reach, Service } from '../service.ts'
import { asideItem, blobAddress, blobBody, blobItem } from './schema.ts'

/** How the bytes of a place are reached. */
export interface BlobAccess {
  /** Names of the containers of the workspace's default storage, to the last. */
  containers(place: Place, signal: AbortSignal): AsyncIterable<string>
  /** A container of that storage; it is made when something is put into it. */
  container(place: Place, name: string): BlobStore
  /**
   * What is carried in another way for now: the outputs of running jobs are sets that only make sense whole, and are
   * the work of the checkpoint kind.
   */
  carriedElsewhere(place: Place, signal: AbortSignal): Promise<readonly Elsewhere[]>
  /** Wall clock. */
  now(): number
}

/** Blobs that are left to another kind: those below `container/prefix` that were written since an instant. */
export interface Elsewhere {
  readonly prefix: string
  readonly since: number
}

/** Every blob of the workspace's default storage. See ./readme.md. */
export function blobs(access: BlobAccess): Service {
  /** By workspace, what its last list left out. */
  const withheld = new Map<string, Set<Address>>()

  async function* list(place: Place, { signal }: Reach): AsyncIterable<Item> {
    const elsewhere = await access.carriedElsewhere(place, signal)
    const left = new Set<Address>()
    withheld.set(place.workspace, left)
    for await (const container of access.containers(place, signal)) {
      if (container === OWN_CONTAINER || container.startsWith('$')) continue
      for await (const info of access.container(place, container).list('', signal)) {
        if (isElsewhere(elsewhere, `${container}/${info.name}`, info))
          left.add(blobAddress(place.portable(container), info.name))
        else yield blobItem(place, container, info)
      }
    }
  }

  async function read(place: Place, of: Address, { signal }: Reach): Promise<Item | undefined> {
    const { container, name } = whereIs(place, of)
    const info = await access.container(place, container).head(name, signal)
    return info === undefined ? undefined : blobItem(place, container, info)
  }

  async function converge(place: Place, wanted: Item, { source, signal }: Carriage): Promise<Converged> {
    const body = blobBody(wanted.body)
    const container = place.local(body.container)
    const to = { place, store: access.container(place, container), name: body.name }
    const there = await to.store.head(to.name, signal)
    const asWanted = (info: BlobInfo) => blobItem(place, container, info, body.from)
    if (there !== undefined && asWanted(there).digest === wanted.digest) return asWanted(there)
    const observedAt = source.now?.() ?? access.now()
    const from = {
      place: source,
      store: access.container(source, source.local(body.container)),
      name: body.from ?? body.name,
    }
    const info = await copyBlob(from, to, { length: body.length, signal })
    if (info === undefined) throw gone(wanted.address)
    const stands = asWanted(info)
    return stands.digest === wanted.digest ? stands : { ...stands, observedAt }
  }

  async function remove(place: Place, of: Address, { signal }: Reach): Promise<void> {
    const { container, name } = whereIs(place, of)
    await access.container(place, container).remove(name, { signal })
  }

  return {
    kind: 'blob',
    needs: [],
    can: { converge: true, update: true, remove: true, acts: false, ordered: false },
    list,
    withheld: ({ workspace }) => withheld.get(workspace) ?? new Set(),
    read,
    references: () => [],
    converge,
    aside: asideItem,
    remove,
  }
}

function isElsewhere(elsewhere: readonly Elsewhere[], full: string, { modified }: BlobInfo): boolean {
  return elsewhere.some(({ prefix, since }) => full.startsWith(prefix) && modified.getTime() >= since)
}

function whereIs(place: Place, of: Address): { container: string; name: string } {
  const [container = '', name = ''] = segmentsOf(of)
  return { container: place.local(container), name }
}

function gone(of: Address): Fault {
  return new Fault('blob/changed', `${of} was removed while it was being copied`, {
    hint: 'Nothing to do: the next pass sees what is there then.',
  })
}
