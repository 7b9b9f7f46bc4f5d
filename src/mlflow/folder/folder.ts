import { existsSync, readdirSync } from 'node:fs'
import { Fault } from '../../core/errors.ts'
import type { Artifacts } from '../artifacts.ts'
import type { LoggedModels } from '../logged-models.ts'
import type { ModelRegistry } from '../registry.ts'
import type { Traces } from '../traces.ts'
import { folderArtifacts, type Side } from './artifacts.ts'
import { type Documents, openDocuments } from './documents.ts'
import { folderLoggedModels } from './logged-models.ts'
import { folderRegistry } from './registry.ts'
import { folderTraces } from './traces.ts'
import { type FolderTracking, folderTracking } from './tracking.ts'

/** A run history on the disk, with the contracts of a server. docs/formats/history-folder.md */
export interface Folder {
  readonly tracking: FolderTracking
  readonly artifacts: Artifacts
  readonly registry: ModelRegistry
  readonly models: LoggedModels
  readonly traces: Traces
}

const FORMAT = 'holdfast-run-history'
const VERSION = 1
/** Says what the folder is. */
const HEAD = 'history.json'

/** Opens a folder. As a target it may be new or empty; one that holds anything else is refused. */
export async function openFolder(path: string, side: Side): Promise<Folder> {
  const documents = openDocuments(path)
  const head = await documents.read(HEAD)
  if (head === undefined) {
    if (side === 'source' || (existsSync(path) && readdirSync(path).length > 0)) throw noHistory(path)
  } else if (head['format'] !== FORMAT || head['version'] !== VERSION) throw unknownVersion(path, head['version'])
  const headed = head === undefined ? withHead(documents) : documents
  const tracking = folderTracking(headed)
  return {
    tracking,
    artifacts: folderArtifacts(headed, side),
    registry: folderRegistry(headed),
    models: folderLoggedModels(headed, tracking.linkModels),
    traces: folderTraces(headed),
  }
}

/** The same documents, whose first write is preceded by that of the head: only reading makes no folder. */
function withHead(documents: Documents): Documents {
  let head: Promise<unknown> | undefined
  const ready = () => {
    head ??= documents.change(HEAD, () => ({ format: FORMAT, version: VERSION }))
    return head
  }
  return {
    ...documents,
    change: async (path, become) => {
      await ready()
      return documents.change(path, become)
    },
    write: async (path, bytes, signal) => {
      await ready()
      return documents.write(path, bytes, signal)
    },
    place: async (choose, placing) => {
      await ready()
      return documents.place(choose, placing)
    },
  }
}

function noHistory(path: string): Fault {
  return new Fault('usage/bad-argument', `${path} holds no run history`, {
    hint: 'Name a folder that `holdfast history copy` wrote; to write one, name a folder that is new or empty.',
  })
}

function unknownVersion(path: string, version: unknown): Fault {
  return new Fault('usage/bad-argument', `${path} has the version ${String(version)} of its format`, {
    hint: `This Holdfast reads and writes version ${VERSION}: take the one that wrote it.`,
  })
}
