import type { TokenCredential } from '@azure/core-auth'
import {
  type BlobGetPropertiesResponse,
  type BlobRequestConditions,
  BlobSASPermissions,
  type BlockBlobClient,
  type ContainerClient,
  type HttpAuthorization,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { STORAGE_AUDIENCE } from '../azure/exchange.ts'
import { MOST_BLOCKS, staged } from './azure-blocks.ts'
import { isChanged, statusOf, storageCode, storageFault } from './azure-faults.ts'
import type { BlobStore, CopySource, PutOptions } from './blob-store.ts'
import { changed } from './changed.ts'
import { keptHeaders } from './presentation.ts'

export type Signing = TokenCredential | StorageSharedKeyCredential

/** A store that Azure itself can read from. */
export interface AzureSource {
  readonly container: ContainerClient
  readonly signing: Signing
}

/** The stores of this process that are containers of Azure. */
export const sources = new WeakMap<BlobStore, AzureSource>()

/**
 * What is not longer is fetched by one call, which is answered when every byte has arrived: a longer one would not be
 * within the time that a call may take.
 */
const BLOCK = 64 * 1024 * 1024
const SAS_MILLISECONDS = 3_600_000

interface Copied {
  readonly etag?: string | undefined
  readonly lastModified?: Date | undefined
  readonly contentMD5?: Uint8Array | undefined
}

type From = CopySource & AzureSource
type Options = PutOptions & { readonly conditions: BlobRequestConditions }

/**
 * Has the target's region fetch one version of a blob, in blocks where it is long. `undefined` where the target's
 * region cannot read the source: a network in between may let us through and not Azure.
 */
export async function copyInto(blob: BlockBlobClient, source: From, options: Options): Promise<Copied | undefined> {
  const from = source.container.getBlobClient(source.name)
  try {
    return await (source.length > BLOCK ? inBlocks(blob, source, options) : inOne(blob, source, options))
  } catch (thrown) {
    if (isUnreadable(thrown)) return undefined
    if (isChanged(thrown)) throw changed(storageCode(thrown) === 'SourceConditionNotMet' ? from.url : blob.url)
    throw storageFault({ method: 'PUT', url: blob.url, signal: options.signal }, thrown)
  }
}

async function inOne(blob: BlockBlobClient, source: From, options: Options): Promise<Copied> {
  const { signal, contentType, metadata = {}, presentation = {}, conditions } = options
  const { url, ...proof } = await proofOf(source, signal)
  return blob.syncUploadFromURL(url, {
    abortSignal: signal,
    metadata: { ...metadata },
    conditions,
    sourceConditions: { ifMatch: source.etag },
    copySourceBlobProperties: contentType === undefined,
    ...(contentType === undefined
      ? {}
      : { blobHTTPHeaders: { blobContentType: contentType, ...keptHeaders(presentation) } }),
    ...proof,
  })
}

/** Every block is of the version that was asked for, because the source has it still when all of them are there. */
async function inBlocks(blob: BlockBlobClient, source: From, options: Options): Promise<Copied> {
  const { signal, contentType, metadata = {}, conditions } = options
  const size = Math.max(BLOCK, Math.ceil(source.length / MOST_BLOCKS))
  const stage = async (id: string, offset: number) => {
    const { url, ...proof } = await proofOf(source, signal)
    const count = Math.min(size, source.length - offset)
    return blob.stageBlockFromURL(id, url, offset, count, { abortSignal: signal, ...proof })
  }
  const ids = await staged(offsets(source.length, size), stage).catch(async (thrown: unknown) => {
    // A range that the source does not have: it is shorter than it was.
    if (statusOf(thrown) === 416) await demandUnchanged(source, signal)
    throw thrown
  })
  const original = await demandUnchanged(source, signal)
  const headers = {
    blobContentType: contentType ?? original.contentType,
    blobContentEncoding: original.contentEncoding,
    blobContentLanguage: original.contentLanguage,
    blobContentDisposition: original.contentDisposition,
    blobCacheControl: original.cacheControl,
    blobContentMD5: original.contentMD5,
  }
  const kept = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined))
  const usual = { abortSignal: signal, metadata: { ...metadata }, conditions }
  const done = await blob.commitBlockList([...ids], { ...usual, blobHTTPHeaders: kept })
  return { ...done, contentMD5: original.contentMD5 }
}

function* offsets(length: number, size: number): Iterable<number> {
  for (let offset = 0; offset < length; offset += size) yield offset
}

async function demandUnchanged(
  { container, name, etag }: From,
  signal: AbortSignal,
): Promise<BlobGetPropertiesResponse> {
  const from = container.getBlobClient(name)
  try {
    return await from.getProperties({ abortSignal: signal, conditions: { ifMatch: etag } })
  } catch (thrown) {
    if (isChanged(thrown) || statusOf(thrown) === 404) throw changed(from.url)
    throw storageFault({ method: 'HEAD', url: from.url, signal }, thrown)
  }
}

/** What lets the target's region read the source for an hour at most. */
async function proofOf(
  { signing, container, name }: From,
  abortSignal: AbortSignal,
): Promise<{ readonly url: string; readonly sourceAuthorization?: HttpAuthorization }> {
  const from = container.getBlobClient(name)
  if (signing instanceof StorageSharedKeyCredential) {
    const permissions = BlobSASPermissions.parse('r')
    const expiresOn = new Date(Date.now() + SAS_MILLISECONDS)
    return { url: await from.generateSasUrl({ permissions, expiresOn }) }
  }
  const token = await signing.getToken(`${STORAGE_AUDIENCE}/.default`, { abortSignal })
  if (token === null) return { url: from.url }
  return { url: from.url, sourceAuthorization: { scheme: 'Bearer', value: token.token } }
}

function isUnreadable(thrown: unknown): boolean {
  const code = storageCode(thrown)
  const named = ['CannotVerifyCopySource', 'NotImplemented', 'APINotImplemented', 'UnsupportedHeader'].includes(code)
  return named || statusOf(thrown) === 501
}
