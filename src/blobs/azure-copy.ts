import type { TokenCredential } from '@azure/core-auth'
import {
  type BlobRequestConditions,
  BlobSASPermissions,
  type BlockBlobClient,
  type ContainerClient,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { STORAGE_AUDIENCE } from '../azure/exchange.ts'
import { isChanged, statusOf, storageCode, storageFault } from './azure-faults.ts'
import type { BlobStore, CopySource, PutOptions } from './blob-store.ts'
import { changed } from './changed.ts'

export type Signing = TokenCredential | StorageSharedKeyCredential

/** A store that Azure itself can read from. */
export interface AzureSource {
  readonly container: ContainerClient
  readonly signing: Signing
}

/** The stores of this process that are containers of Azure. */
export const sources = new WeakMap<BlobStore, AzureSource>()

/** Put Blob From URL takes no more (learn.microsoft.com, rest/api/storageservices/put-blob-from-url). */
const LARGEST = 5000 * 1024 * 1024
const SAS_MILLISECONDS = 3_600_000

interface Copied {
  readonly etag?: string | undefined
  readonly lastModified?: Date | undefined
  readonly contentMD5?: Uint8Array | undefined
}

/**
 * Has the target's region fetch one version of a blob. `undefined` where it is too large for that, or where the
 * target's region cannot read the source: a network in between may let us through and not Azure.
 */
export async function copyInto(
  blob: BlockBlobClient,
  source: CopySource & AzureSource,
  options: PutOptions & { readonly conditions: BlobRequestConditions },
): Promise<Copied | undefined> {
  const { signal, contentType, metadata = {}, conditions } = options
  if (source.length > LARGEST) return undefined
  const from = source.container.getBlobClient(source.name)
  try {
    const proof = await proofOf(source, signal)
    return await blob.syncUploadFromURL(proof.sas === undefined ? from.url : proof.sas, {
      abortSignal: signal,
      metadata: { ...metadata },
      conditions,
      sourceConditions: { ifMatch: source.etag },
      copySourceBlobProperties: contentType === undefined,
      ...(contentType === undefined ? {} : { blobHTTPHeaders: { blobContentType: contentType } }),
      ...(proof.bearer === undefined ? {} : { sourceAuthorization: { scheme: 'Bearer', value: proof.bearer } }),
    })
  } catch (thrown) {
    if (isUnreadable(thrown)) return undefined
    if (isChanged(thrown)) throw changed(storageCode(thrown) === 'SourceConditionNotMet' ? from.url : blob.url)
    throw storageFault({ method: 'PUT', url: blob.url, signal }, thrown)
  }
}

/** What lets the target's region read the source for an hour at most. */
async function proofOf(
  { signing, container, name }: CopySource & AzureSource,
  abortSignal: AbortSignal,
): Promise<{ readonly sas?: string; readonly bearer?: string }> {
  if (signing instanceof StorageSharedKeyCredential) {
    const permissions = BlobSASPermissions.parse('r')
    const expiresOn = new Date(Date.now() + SAS_MILLISECONDS)
    return { sas: await container.getBlobClient(name).generateSasUrl({ permissions, expiresOn }) }
  }
  const token = await signing.getToken(`${STORAGE_AUDIENCE}/.default`, { abortSignal })
  return token === null ? {} : { bearer: token.token }
}

function isUnreadable(thrown: unknown): boolean {
  const code = storageCode(thrown)
  const named = ['CannotVerifyCopySource', 'NotImplemented', 'APINotImplemented', 'UnsupportedHeader'].includes(code)
  return named || statusOf(thrown) === 501
}
