import type { BlobInfo, Presentation } from '../../blobs/blob-store.ts'
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
  /** Absent where nothing is said of it. */
  readonly presentation?: Presentation
  /** Name of the blob whose bytes these are, where both sides' versions are kept and this is one of them. */
  readonly from?: string
}

export function blobAddress(portableContainer: string, name: string) {
  return address('blob', portableContainer, name)
}

export function blobItem(place: Place, container: string, info: BlobInfo, from?: string): Item {
  const portable = place.portable(container)
  const metadata = Object.entries(info.metadata).filter(([key]) => !OWN.test(key))
  const body = {
    container: portable,
    name: info.name,
    origin: originOf(info),
    length: Number(info.metadata[ORIGIN_LENGTH] ?? info.length),
    contentType: info.contentType ?? 'application/octet-stream',
    metadata: Object.fromEntries(metadata),
    ...(Object.keys(info.presentation).length === 0 ? {} : { presentation: { ...info.presentation } }),
    ...(from === undefined ? {} : { from }),
  } satisfies BlobBody
  return item(blobAddress(portable, info.name), body satisfies JsonObject, [])
}

/** The same bytes beside the blob that has the name by now. */
export function asideItem({ body }: Item, mark: string): Item {
  const { container, name, from } = blobBody(body)
  const own = `${from ?? name}.holdfast-${mark}`
  return item(blobAddress(container, own), { ...body, name: own, from: from ?? name }, [])
}

export function blobBody(body: JsonObject): BlobBody {
  return body as unknown as BlobBody
}
