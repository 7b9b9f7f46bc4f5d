import type { BlobAccount } from '../../blobs/azure.ts'
import type { BlobInfo, BlobStore } from '../../blobs/blob-store.ts'
import { Fault } from '../../core/errors.ts'
import type { Artifacts } from '../../mlflow/artifacts.ts'
import { artifactsInBlobs, type Shelf } from './blob-artifacts.ts'

/** A folder in Azure's storage. */
interface StorageFolder {
  readonly account: string
  readonly container: string
  /** Without slashes at its ends; empty for the container itself. */
  readonly folder: string
}

/**
 * How MLflow names it: `wasbs://{container}@{account}.blob.core.windows.net/{folder}`, and `abfss://` with `dfs` in
 * place of `blob`. https://mlflow.org/docs/latest/self-hosting/architecture/artifact-store/
 */
const FORM = /^(?:wasbs?|abfss?):\/\/([^@/]+)@([a-z0-9]{3,24})\.(?:blob|dfs)\.core\.windows\.net(?:\/(.*))?$/i

/** True for what names Azure's storage by its scheme, well or not. */
export function isStorage(uri: string): boolean {
  return /^(wasbs?|abfss?):/i.test(uri)
}

/**
 * Files that a server keeps in Azure's storage and leaves to its clients: read and written there, and only below folders
 * that a person named, because the place of a run's files is what a server says, and not what this reader may show.
 *
 * Throws `usage/bad-argument` for a name of a folder that is none.
 */
export function storageArtifacts(below: readonly string[], accountOf: (account: string) => BlobAccount): Artifacts {
  const permitted = below.map((uri) => folderOf(uri) ?? unreadable(uri))
  const containers = new Map<string, BlobStore>()

  function permittedFolder(root: string): StorageFolder | undefined {
    const folder = folderOf(root)
    return folder !== undefined && permitted.some((one) => isWithin(one, folder)) ? folder : undefined
  }

  function shelfOf(root: string): Shelf {
    const { account, container, folder } = permittedFolder(root) ?? refuse(root)
    const key = `${account}/${container}`
    const store = containers.get(key) ?? accountOf(account).container(container)
    containers.set(key, store)
    return { store, prefix: folder === '' ? '' : `${folder}/` }
  }

  return artifactsInBlobs({
    reaches: (root) => permittedFolder(root) !== undefined,
    shelfOf,
    isFile: (blob) => !isFolder(blob),
  })
}

/** The account of a folder in storage. Throws `usage/bad-argument` for a name that is none. */
export function accountOfFolder(uri: string): string {
  return (folderOf(uri) ?? unreadable(uri)).account
}

function folderOf(uri: string): StorageFolder | undefined {
  const [, container, account, path = ''] = FORM.exec(uri) ?? []
  const segments = path.replace(/\/+$/, '').split('/')
  if (container === undefined || account === undefined || segments.some((one) => one === '.' || one === '..')) {
    return undefined
  }
  return { account: account.toLowerCase(), container, folder: segments.join('/') }
}

function isWithin(outer: StorageFolder, inner: StorageFolder): boolean {
  const isThere = outer.account === inner.account && outer.container === inner.container
  const isBelow = outer.folder === '' || `${inner.folder}/`.startsWith(`${outer.folder}/`)
  return isThere && isBelow
}

/** Data Lake storage lists its folders too, as blobs; other tools mark a folder by an empty one. */
function isFolder({ metadata, name, length }: BlobInfo): boolean {
  return metadata['hdi_isfolder'] === 'true' || (length === 0 && name.endsWith('/'))
}

function unreadable(uri: string): never {
  throw new Fault('usage/bad-argument', `${uri} names no folder in Azure’s storage`, {
    hint: 'Write it as wasbs://{container}@{account}.blob.core.windows.net/{folder}, or abfss:// with dfs in place of blob.',
  })
}

function refuse(root: string): never {
  throw new Fault('azure/refused', `Nothing is read from or written to ${root}`, {
    hint: 'Name a folder above it with --files-below.',
  })
}
