import { accountKeyOf } from '../ml/storage-of.ts'
import { workspaceOf } from '../ml/workspace-of.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import type { BlobRef } from '../storage/blobs.ts'
import { containerSas } from '../storage/sas.ts'

/** Folder of a run's artifacts in the container of the workspace's artifact store. */
export function artifactFolder(run: string): string {
  return `ExperimentRun/dcid.${run}`
}

const OF_RUN = /^ExperimentRun\/dcid\.([^/]+)/
const IN_DATASTORE = /^datastores\/([^/]+)\/paths\/(.*)$/

/**
 * The blob that an artifact path of a workspace means: `ExperimentRun/dcid.{run}/{file}` and
 * `LocalUpload/…` in the artifact store, `datastores/{name}/paths/{file}` in any other blob store.
 */
export function artifactBlob(region: Region, workspace: string, path: string): BlobRef {
  const { storageAccount, artifactContainer } = workspaceOf(region, workspace)
  const [, datastore, name = path] = IN_DATASTORE.exec(path) ?? []
  const run = OF_RUN.exec(name)?.[1]
  // Workspaces may share an account, and then a container: the paths of a run are those of its workspace all the same.
  if (run !== undefined && region.runs.isElsewhere(workspace, run)) {
    throw new Refusal(404, 'ResourceNotFound', `The run '${run}' was not found in the workspace '${workspace}'.`)
  }
  if (datastore === undefined) return { account: storageAccount.toLowerCase(), container: artifactContainer, name }
  const properties = region.resources.need(`${workspace}/datastores/${datastore}`).body['properties']
  const { accountName, containerName } = properties as Readonly<Record<string, unknown>>
  if (typeof accountName !== 'string' || typeof containerName !== 'string') {
    throw new Refusal(400, 'BadRequest', `The datastore '${datastore}' is no blob store.`)
  }
  return { account: accountName.toLowerCase(), container: containerName, name }
}

/** A file or folder directly in a folder. */
export interface Entry {
  readonly name: string
  /** Bytes of a file; `undefined` for a folder. */
  readonly size: number | undefined
}

/** What stands directly in a folder, in byte order of names. Costs what is in the folder, not what is below it. */
export function entriesOf(region: Region, folder: BlobRef): Entry[] {
  const prefix = folder.name === '' || folder.name.endsWith('/') ? folder.name : `${folder.name}/`
  const entries: Entry[] = []
  let after: string | undefined
  for (;;) {
    const page = region.blobs.list(folder.account, folder.container, {
      prefix,
      limit: 500,
      ...(after === undefined ? {} : { after }),
    })
    const last = page.at(-1)
    if (last === undefined) return entries
    after = last.name
    for (const { name, length } of page) {
      const rest = name.slice(prefix.length)
      const slash = rest.indexOf('/')
      if (slash < 0) {
        if (rest !== '') entries.push({ name: rest, size: length })
        continue
      }
      const inside = rest.slice(0, slash)
      if (entries.at(-1)?.name !== inside) entries.push({ name: inside, size: undefined })
      // Skips the rest of the folder: no name of it is behind this one.
      after = `${prefix}${inside}/\u{10ffff}`
      break
    }
  }
}

/** URL with which whoever holds it may use one blob for some hours of the region's clock. */
export function signedUrl(region: Region, blob: BlobRef, grant: { permissions: string; hours: number }): string {
  const sas = containerSas({
    account: blob.account,
    key: accountKeyOf(region, blob.account),
    container: blob.container,
    blob: blob.name,
    permissions: grant.permissions,
    expires: new Date(region.clock.now() + grant.hours * 3_600_000),
  })
  const path = blob.name.split('/').map(encodeURIComponent).join('/')
  return `https://${blob.account}.blob.core.windows.net/${blob.container}/${path}?${sas}`
}

/** Subject of a blob's line in the activity log. */
export function blobSubject(blob: BlobRef): string {
  return `blob/${blob.account}/${blob.container}/${blob.name}`
}
