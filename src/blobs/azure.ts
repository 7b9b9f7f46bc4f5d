import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { TokenCredential } from '@azure/core-auth'
import {
  type BlobRequestConditions,
  BlobServiceClient,
  type BlockBlobClient,
  type ContainerClient,
  newPipeline,
  type RequestPolicyFactory,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import type { Transport } from '../azure/transport.ts'
import { Fault } from '../core/errors.ts'
import { whole } from './azure-body.ts'
import { copyInto, type Signing, sources } from './azure-copy.ts'
import { type Asked, statusOf, storageCode, storageFault } from './azure-faults.ts'
import { uploadBlocks } from './azure-upload.ts'
import type { BlobInfo, BlobStore, Condition, PutOptions } from './blob-store.ts'
import { changed } from './changed.ts'
import { keptHeaders, presentationOf, type Told } from './presentation.ts'

/** A storage account and the right to use it. */
export interface AccountAccess {
  readonly account: string
  /** A bearer token for storage, or one of the account's own keys. */
  readonly credential: TokenCredential | { readonly accountKey: string }
  /** The way to Azure; default: the vendor's own. */
  readonly transport?: Pick<Transport, 'route'>
}

/** The blobs of one storage account. */
export interface BlobAccount {
  /** A container; it is made when something is put into it. */
  container(name: string): BlobStore
  /** Names of all containers, to the last page. */
  containers(signal: AbortSignal): AsyncIterable<string>
}

/** Tries of the vendor's client. A region that is gone must be noticed at once, so the waits are short. */
const RETRIES = { maxTries: 3, retryDelayInMs: 200, maxRetryDelayInMs: 3000 }
/** What is not longer goes in one call. */
const WHOLE = 8 * 1024 * 1024

export function azureAccount({ account, credential, transport }: AccountAccess): BlobAccount {
  const isToken = 'getToken' in credential
  const signing = isToken ? credential : new StorageSharedKeyCredential(account, credential.accountKey)
  const pipeline = newPipeline(signing, { retryOptions: RETRIES })
  if (transport !== undefined) pipeline.factories.push(routing(transport))
  const service = new BlobServiceClient(`https://${account}.blob.core.windows.net`, pipeline)

  async function* containers(signal: AbortSignal): AsyncIterable<string> {
    const asked: Asked = { method: 'GET', url: service.url, signal }
    try {
      for await (const found of service.listContainers({ abortSignal: signal })) yield found.name
    } catch (thrown) {
      throw storageFault(asked, thrown)
    }
  }

  return { container: (name) => azureContainer(service.getContainerClient(name), signing), containers }
}

/** Sends the vendor's requests our way. The vendor's client tries out every policy with a mock, which has no request. */
function routing({ route }: Pick<Transport, 'route'>): RequestPolicyFactory {
  return {
    create: (next) => ({
      sendRequest: async (request) => {
        await route(request)
        return next.sendRequest(request)
      },
    }),
  }
}

function azureContainer(container: ContainerClient, signing: Signing): BlobStore {
  /** Settles once the container stands; forgotten where that failed. */
  let standing: Promise<unknown> | undefined
  const blobOf = (name: string): BlockBlobClient => container.getBlockBlobClient(plain(name))

  async function* list(prefix: string, signal: AbortSignal): AsyncIterable<BlobInfo> {
    const asked: Asked = { method: 'GET', url: container.url, signal }
    const found = container.listBlobsFlat({ prefix, includeMetadata: true, abortSignal: signal })
    try {
      for await (const { name, properties, metadata } of found) {
        yield infoOf(name, { ...properties, length: properties.contentLength ?? 0, metadata })
      }
    } catch (thrown) {
      if (storageCode(thrown) !== 'ContainerNotFound') throw storageFault(asked, thrown)
    }
  }

  async function head(name: string, signal: AbortSignal): Promise<BlobInfo | undefined> {
    const blob = blobOf(name)
    try {
      const found = await blob.getProperties({ abortSignal: signal })
      return infoOf(name, { ...found, length: found.contentLength ?? 0 })
    } catch (thrown) {
      if (isAbsent(thrown)) return undefined
      throw storageFault({ method: 'HEAD', url: blob.url, signal }, thrown)
    }
  }

  async function get(
    name: string,
    { signal, etag }: { readonly signal: AbortSignal; readonly etag?: string },
  ): Promise<{ info: BlobInfo; bytes: Readable } | undefined> {
    const blob = blobOf(name)
    const asked: Asked = { method: 'GET', url: blob.url, signal }
    try {
      const conditions = etag === undefined ? {} : { conditions: { ifMatch: etag } }
      const found = await blob.download(0, undefined, { abortSignal: signal, maxRetryRequests: 3, ...conditions })
      // The vendor's answer has getters, which a spread would lose.
      const { etag: now, lastModified, contentType, contentMD5, blobContentMD5, metadata, contentLength = 0 } = found
      const md5 = blobContentMD5 ?? contentMD5
      const info = infoOf(name, {
        etag: now,
        length: contentLength,
        lastModified,
        contentType,
        contentMD5: md5,
        metadata,
        ...presentationOf(found),
      })
      const body = found.readableStreamBody ?? Readable.from([])
      return { info, bytes: Readable.from(whole(body as Readable, info.length, asked), { objectMode: false }) }
    } catch (thrown) {
      if (isAbsent(thrown)) return undefined
      throw storageFault(asked, thrown)
    }
  }

  async function put(name: string, bytes: Buffer | Readable, options: PutOptions): Promise<BlobInfo> {
    const blob = blobOf(name)
    try {
      await ensureContainer(options.signal)
      return await written(blob, name, { bytes, options })
    } catch (thrown) {
      if (storageCode(thrown) === 'ContainerNotFound') standing = undefined
      throw storageFault({ method: 'PUT', url: blob.url, signal: options.signal }, thrown)
    }
  }

  function ensureContainer(signal: AbortSignal): Promise<unknown> {
    standing ??= container.createIfNotExists({ abortSignal: signal }).catch((thrown: unknown) => {
      standing = undefined
      throw thrown
    })
    return standing
  }

  async function remove(name: string, options: { readonly signal: AbortSignal } & Condition): Promise<void> {
    const { signal } = options
    const blob = blobOf(name)
    try {
      await blob.delete({ abortSignal: signal, deleteSnapshots: 'include', conditions: conditionsOf(options) })
    } catch (thrown) {
      if (!isAbsent(thrown)) throw storageFault({ method: 'DELETE', url: blob.url, signal }, thrown)
      if (options.etag !== undefined) throw changed(blob.url)
    }
  }

  const store: BlobStore = {
    list,
    head,
    get,
    put,
    remove,
    copyFrom: async (name, source, options) => {
      const from = sources.get(source.store)
      if (from === undefined) return undefined
      await ensureContainer(options.signal)
      const blob = blobOf(name)
      const copied = await copyInto(blob, { ...source, ...from }, { ...options, conditions: conditionsOf(options) })
      return copied === undefined
        ? undefined
        : infoOf(name, {
            ...copied,
            length: source.length,
            contentType: options.contentType,
            metadata: options.metadata,
            ...options.presentation,
          })
    },
  }
  sources.set(store, { container, signing })
  return store
}

async function written(
  blob: BlockBlobClient,
  name: string,
  { bytes, options }: { readonly bytes: Buffer | Readable; readonly options: PutOptions },
): Promise<BlobInfo> {
  const { signal, contentType, metadata = {}, presentation = {} } = options
  const usual = { abortSignal: signal, metadata: { ...metadata }, conditions: conditionsOf(options) }
  const type = { ...(contentType === undefined ? {} : { blobContentType: contentType }), ...keptHeaders(presentation) }
  const as = { contentType, metadata, ...presentation }
  if (Buffer.isBuffer(bytes) && bytes.length <= WHOLE) {
    const md5 = createHash('md5').update(bytes).digest()
    const headers = { blobHTTPHeaders: { ...type, blobContentMD5: md5 } }
    const done = await blob.upload(bytes, bytes.length, { ...usual, ...headers })
    return infoOf(name, { ...done, ...as, length: bytes.length, contentMD5: md5 })
  }
  const { ids, length, md5 } = await uploadBlocks(blob, bytes, signal)
  const headers = { blobHTTPHeaders: { ...type, blobContentMD5: md5 } }
  const done = await blob.commitBlockList([...ids], { ...usual, ...headers })
  return infoOf(name, { ...done, ...as, length, contentMD5: md5 })
}

function conditionsOf({ etag, absent }: Condition): BlobRequestConditions {
  if (absent === true) return { ifNoneMatch: '*' }
  return etag === undefined ? {} : { ifMatch: etag }
}

/** The name, unless a URL cannot say it: in one, `..` would lead out of the container. */
function plain(name: string): string {
  const isPlain = name.split('/').every((segment) => segment !== '.' && segment !== '..')
  if (isPlain) return name
  throw new Fault('azure/refused', `${JSON.stringify(name)} is no name of a blob: a part of it is \`.\` or \`..\``, {
    hint: 'Give the file another name where it comes from.',
  })
}

function isAbsent(thrown: unknown): boolean {
  return (
    statusOf(thrown) === 404 &&
    ['', 'BlobNotFound', 'ContainerNotFound', '404', 'ResourceNotFound'].includes(storageCode(thrown))
  )
}

interface Described extends Told {
  readonly etag?: string | undefined
  readonly length: number
  readonly lastModified?: Date | undefined
  readonly contentType?: string | undefined
  readonly contentMD5?: Uint8Array | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

function infoOf(name: string, of: Described): BlobInfo {
  const { etag = '', length, lastModified = new Date(0), contentType, contentMD5, metadata = {} } = of
  return {
    name,
    // Headers quote it and listings do not; it is one ETag.
    etag: `"${etag.replaceAll('"', '')}"`,
    length,
    modified: lastModified,
    contentType,
    md5: contentMD5 === undefined ? undefined : Buffer.from(contentMD5).toString('base64'),
    metadata: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key.toLowerCase(), value])),
    presentation: presentationOf(of),
  }
}
