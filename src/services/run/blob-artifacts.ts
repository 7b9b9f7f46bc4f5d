import { Readable } from 'node:stream'
import type { BlobInfo, BlobStore, CopySource } from '../../blobs/blob-store.ts'
import { Fault } from '../../core/errors.ts'
import type { ArtifactFile, Artifacts, Origin } from '../../mlflow/artifacts.ts'

/** Container of a workspace's default storage in which files of runs are. */
export const RUN_FILES = 'azureml'
/** How a workspace names the place of a run's files, to MLflow's client and to its own plugin. */
const ROOTS = [/\/ExperimentRun\/dcid\.([^/]+)\/?$/, /\/runs\/([^/]+)\/artifacts\/?$/]

/** Where the files below a root are: blobs whose names begin so. */
export interface Shelf {
  readonly store: BlobStore
  readonly prefix: string
}

/** How artifacts are laid out in containers. */
export interface Layout {
  reaches(root: string): boolean
  /** Throws where the root is not reached. */
  shelfOf(root: string): Shelf
  /** False for a blob that stands for a folder. */
  isFile(blob: BlobInfo, shelf: Shelf): boolean
}

/** Files of runs of a workspace, straight in its storage: `ExperimentRun/dcid.{run}/{path}`. */
export function blobArtifacts(container: BlobStore): Artifacts {
  return artifactsInBlobs({
    reaches: (root) => runIn(root) !== undefined,
    shelfOf: (root) => ({ store: container, prefix: prefixOf(root) }),
    isFile: ({ name }, { prefix }) => name.length > prefix.length,
  })
}

/** Artifacts that are blobs. */
export function artifactsInBlobs({ reaches, shelfOf, isFile }: Layout): Artifacts {
  return {
    reaches,
    files: async function* (root, signal) {
      const shelf = shelfOf(root)
      const { store, prefix } = shelf
      for await (const blob of store.list(prefix, signal)) {
        if (isFile(blob, shelf)) yield fileOf(blob, shelf)
      }
    },
    read: async (root, path, signal) => {
      const { store, prefix } = shelfOf(root)
      return (await store.get(prefix + path, { signal }))?.bytes
    },
    write: async (root, path, { bytes, signal }) => {
      const { store, prefix } = shelfOf(root)
      await store.put(prefix + path, Readable.from(bytes), { signal })
    },
    fetch: async (root, path, { origin, signal }) => {
      const { store, prefix } = shelfOf(root)
      const fetched = isBlob(origin) ? await store.copyFrom?.(prefix + path, origin, { signal }) : undefined
      return fetched !== undefined
    },
  }
}

function fileOf({ name, etag, length }: BlobInfo, { store, prefix }: Shelf): ArtifactFile & { readonly origin: Blob } {
  return { path: name.slice(prefix.length), length, origin: { version: etag, store, name, etag, length } }
}

type Blob = Origin & CopySource

function isBlob(origin: Origin): origin is Blob {
  return 'store' in origin
}

function prefixOf(root: string): string {
  const run = runIn(root)
  if (run !== undefined) return `ExperimentRun/dcid.${decodeURIComponent(run)}/`
  throw new Fault('azure/refused', `${root} is not where a workspace keeps files of runs`, {
    hint: 'Carry this storage by its own means.',
  })
}

function runIn(root: string): string | undefined {
  for (const form of ROOTS) {
    const found = form.exec(root)?.[1]
    if (found !== undefined) return found
  }
  return undefined
}
