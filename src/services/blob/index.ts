import type { BlobStore } from '../../blobs/blob-store.ts'
import { Fault } from '../../core/errors.ts'
import { type Address, type Item, segmentsOf } from '../../core/model.ts'
import { copyBlob } from '../blob-copy.ts'
import { OWN_CONTAINER } from '../blob-origin.ts'
import type { Carriage, Place, Reach, Service } from '../service.ts'
import { blobBody, blobItem } from './schema.ts'

/** How the bytes of a place are reached. */
export interface BlobAccess {
  /** Names of the containers of the workspace's default storage, to the last. */
  containers(place: Place, signal: AbortSignal): AsyncIterable<string>
  /** A container of that storage; it is made when something is put into it. */
  container(place: Place, name: string): BlobStore
  /**
   * Prefixes that are carried in another way for now, as `container/prefix`: the outputs of running jobs
   * are sets that only make sense whole, and are the work of the checkpoint kind.
   */
  carriedElsewhere(place: Place, signal: AbortSignal): Promise<readonly string[]>
}

/** Every blob of the workspace's default storage. See ./readme.md. */
export function blobs(access: BlobAccess): Service {
  async function* list(place: Place, { signal }: Reach): AsyncIterable<Item> {
    const elsewhere = await access.carriedElsewhere(place, signal)
    for await (const container of access.containers(place, signal)) {
      if (container === OWN_CONTAINER || container.startsWith('$')) continue
      for await (const info of access.container(place, container).list('', signal)) {
        const full = `${container}/${info.name}`
        if (!elsewhere.some((prefix) => full.startsWith(prefix))) yield blobItem(place, container, info)
      }
    }
  }

  async function read(place: Place, of: Address, { signal }: Reach): Promise<Item | undefined> {
    const { container, name } = whereIs(place, of)
    const info = await access.container(place, container).head(name, signal)
    return info === undefined ? undefined : blobItem(place, container, info)
  }

  async function converge(place: Place, wanted: Item, { source, signal }: Carriage): Promise<Item> {
    const there = await read(place, wanted.address, { signal })
    if (there?.digest === wanted.digest) return there
    const body = blobBody(wanted.body)
    const end = (at: Place) => ({ place: at, store: access.container(at, at.local(body.container)), name: body.name })
    const copied = await copyBlob(end(source), end(place), signal)
    if (copied === undefined) throw gone(wanted.address)
    return blobItem(place, place.local(body.container), copied.info)
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
    read,
    references: () => [],
    converge,
    remove,
  }
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
