import type { BlobInfo } from '../../blobs/blob-store.ts'
import { address, type Item, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { ORIGIN_LENGTH, originOf } from '../blob-origin.ts'
import type { Place } from '../service.ts'

const OWN = /^holdfast_/

export interface BlobBody {
  /** Container, in portable form. */
  readonly container: string
  readonly name: string
  readonly origin: string
  readonly length: number
  readonly contentType: string
  readonly metadata: Readonly<Record<string, string>>
}

export function blobAddress(portableContainer: string, name: string) {
  return address('blob', portableContainer, name)
}

export function blobItem(place: Place, container: string, info: BlobInfo): Item {
  const portable = place.portable(container)
  const metadata = Object.entries(info.metadata).filter(([key]) => !OWN.test(key))
  const body = {
    container: portable,
    name: info.name,
    origin: originOf(info),
    length: Number(info.metadata[ORIGIN_LENGTH] ?? info.length),
    contentType: info.contentType ?? 'application/octet-stream',
    metadata: Object.fromEntries(metadata),
  } satisfies BlobBody
  return item(blobAddress(portable, info.name), body satisfies JsonObject, [])
}

export function blobBody(body: JsonObject): BlobBody {
  return body as unknown as BlobBody
}
