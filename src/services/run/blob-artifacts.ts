import { Readable } from 'node:stream'
import type { BlobStore } from '../../blobs/blob-store.ts'
import { Fault } from '../../core/errors.ts'
import type { Artifacts } from '../../mlflow/artifacts.ts'

/** Container of a workspace's default storage in which files of runs are. */
export const RUN_FILES = 'azureml'
/** How a workspace names the place of a run's files, to MLflow's client and to its own plugin. */
const ROOTS = [/\/ExperimentRun\/dcid\.([^/]+)\/?$/, /\/runs\/([^/]+)\/artifacts\/?$/]

/** Files of runs of a workspace, straight in its storage: `ExperimentRun/dcid.{run}/{path}`. */
export function blobArtifacts(container: BlobStore): Artifacts {
  return {
    reaches: (root) => runIn(root) !== undefined,
    files: async function* (root, signal) {
      const prefix = prefixOf(root)
      for await (const { name, length } of container.list(prefix, signal)) {
        if (name.length > prefix.length) yield { path: name.slice(prefix.length), length }
      }
    },
    read: async (root, path, signal) => (await container.get(prefixOf(root) + path, { signal }))?.bytes,
    write: async (root, path, { bytes, signal }) =>
      void (await container.put(prefixOf(root) + path, Readable.from(bytes), { signal })),
  }
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
