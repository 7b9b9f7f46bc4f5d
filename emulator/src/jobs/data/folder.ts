import type { Readable } from 'node:stream'
import type { Region } from '../../region.ts'

/** A place in blob storage: a blob, or everything below a path. */
export interface Location {
  readonly account: string
  readonly container: string
  /** Without a slash at either end; empty for the whole container. */
  readonly path: string
}

/** Files of a place in storage, by their names below it. Names are data: they may hold anything. */
export interface Folder {
  list(): AsyncIterable<string>
  read(name: string): Promise<Readable>
  /** Stores a file, durable when resolved. Where the body breaks off, what was there before stays. */
  write(name: string, body: Readable, size: number): Promise<void>
  /** Makes the file not be there. */
  remove(name: string): Promise<void>
}

const PAGE = 500

/** Everything below a location of an account of this region. */
export function blobFolder(region: Region, location: Location): Folder {
  const { account, container, path } = location
  const prefix = path === '' ? '' : `${path}/`
  const ref = (name: string) => ({ account, container, name: `${prefix}${name}` })
  return {
    async *list() {
      let after: string | undefined
      do {
        const blobs = region.blobs.list(account, container, {
          prefix,
          limit: PAGE,
          ...(after === undefined ? {} : { after }),
        })
        for (const blob of blobs) yield blob.name.slice(prefix.length)
        after = blobs.length === PAGE ? blobs.at(-1)?.name : undefined
      } while (after !== undefined)
    },
    read: async (name) => {
      const opened = region.blobs.open(ref(name))
      if (opened === undefined) throw new Error(`the blob ${account}/${container}/${prefix}${name} is not there`)
      return opened.stream
    },
    write: async (name, body) => {
      await region.blobs.put(ref(name), body)
    },
    remove: async (name) => {
      await region.blobs.remove(ref(name))
    },
  }
}

/** The folder a location stands in, and its own name. */
export function parentOf({ account, container, path }: Location): { readonly folder: Location; readonly name: string } {
  const slash = path.lastIndexOf('/')
  return { folder: { account, container, path: path.slice(0, Math.max(0, slash)) }, name: path.slice(slash + 1) }
}
