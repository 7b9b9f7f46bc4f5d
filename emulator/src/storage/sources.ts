import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Dispatcher, ProxyAgent } from 'undici'
import { notImplemented, Refusal } from '../refusal.ts'
import { authorize, type Rules } from './authorize.ts'
import type { Blobs } from './blobs.ts'
import type { BlobHeaders, BlobKind } from './catalogue.ts'
import type { Versioned } from './conditions.ts'
import type { Part } from './parts.ts'
import { invalidHeader, refuseVersion } from './refusals.ts'
import { accountOf, targetOf } from './target.ts'

/** A blob that is to be copied from, here or in another region. */
export interface Source extends Versioned {
  readonly url: string
  readonly length: number
  readonly kind: BlobKind
  readonly headers: BlobHeaders
  readonly metadata: Readonly<Record<string, string>>
  readonly md5: string | null
  readonly sha256: string | null
  /** Its parts, where it is in this region and they can be shared. */
  readonly parts: readonly Part[] | undefined
  /** Key of a page blob in this region, whose pages can be copied. */
  readonly pages?: number
  /** Number of a page blob's last ordered write. */
  readonly sequence?: number
  /** Bytes `from` up to but not including `to`, as they were when the source was opened. */
  read(from: number, to: number, signal?: AbortSignal): Promise<Readable>
}

/** What proves that the source may be read, besides what stands in its URL. */
export interface Proof {
  /** `x-ms-copy-source-authorization`: a bearer token for the source. */
  readonly authorization: string | undefined
  /** Account whose every blob the caller may read by the request itself. */
  readonly trusted: string | undefined
}

export interface SourceRules extends Rules {
  readonly blobs: Blobs
  readonly proxy: string | undefined
  readonly root: string
}

/** The permission that reading a source needs. */
const READS = { permissions: 'r', type: 'o', openFrom: 'blob' } as const

/** Opens what the URL names. Refuses with `CannotVerifyCopySource` where it cannot be read. */
export class Sources {
  readonly #rules: SourceRules
  #agent: ProxyAgent | undefined

  constructor(rules: SourceRules) {
    this.#rules = rules
  }

  async open(url: string, proof: Proof): Promise<Source> {
    const parsed = URL.parse(url)
    if (parsed === null || !/^https?:$/.test(parsed.protocol)) throw invalidHeader('x-ms-copy-source', url)
    refuseVersion(parsed.searchParams)
    const account = accountOf(parsed.hostname.toLowerCase())
    if (account === undefined) throw notImplemented(`a copy from ${parsed.hostname}`)
    const isHere = this.#rules.accounts.get(account) !== undefined
    return isHere ? this.#local(parsed, account, proof) : this.#remote(parsed, proof)
  }

  async close(): Promise<void> {
    await this.#agent?.destroy()
  }

  async #local(url: URL, account: string, proof: Proof): Promise<Source> {
    const { blobs } = this.#rules
    const addressed = { method: 'GET', host: url.hostname.toLowerCase(), path: url.pathname, query: url.searchParams }
    const target = targetOf(addressed)
    if (proof.trusted !== account || url.searchParams.has('sig')) {
      const headers = proof.authorization === undefined ? {} : { authorization: proof.authorization }
      await authorize({ ...addressed, headers }, target, READS, this.#rules).catch((refusal) => {
        throw unverified(refusal instanceof Refusal ? refusal.status : 403)
      })
    }
    const container = blobs.accounts.container(account, target.container)
    const snapshot = url.searchParams.get('snapshot') ?? ''
    const blob = container === undefined ? undefined : blobs.catalogue.get(container.key, target.blob, snapshot)
    if (blob === undefined) throw unverified(404)
    const parts = blobs.parts.of(blob)
    const read = async (from: number, to: number) =>
      blob.kind === 'PageBlob' ? blobs.stream(blob, from, to) : blobs.contents.stream(parts, from, to)
    const pages = blob.kind === 'PageBlob' ? { pages: blob.key } : {}
    return { ...blob, url: url.href, parts, ...pages, read }
  }

  async #remote(url: URL, proof: Proof): Promise<Source> {
    const head = await this.#fetch(url, { method: 'HEAD', headers: authorized(proof) })
    await head.body.dump()
    if (head.statusCode !== 200) throw unverified(head.statusCode)
    const headers = flat(head.headers)
    if (headers['x-ms-blob-type'] === 'PageBlob') throw notImplemented('a copy of a page blob from another region')
    const etag = headers['etag'] ?? ''
    const read = async (from: number, to: number, signal?: AbortSignal) => {
      const range = from === 0 && to === length ? {} : { 'x-ms-range': `bytes=${from}-${to - 1}` }
      const got = await this.#fetch(url, {
        method: 'GET',
        headers: { ...authorized(proof), ...range, 'if-match': etag },
        signal: signal ?? null,
      })
      if (got.statusCode !== 200 && got.statusCode !== 206) {
        await got.body.dump()
        throw unverified(got.statusCode)
      }
      return got.body
    }
    const length = Number(headers['content-length'] ?? 0)
    return { ...described(headers), url: url.href, etag, length, parts: undefined, sha256: null, read }
  }

  async #fetch(
    url: URL,
    options: Pick<Dispatcher.RequestOptions, 'method' | 'headers' | 'signal'>,
  ): Promise<Dispatcher.ResponseData> {
    const { proxy, root } = this.#rules
    if (proxy === undefined) throw unverified(404)
    // Loaded where something is copied from elsewhere: a region that does not is smaller by a fifth without it.
    const undici = await import('undici')
    this.#agent ??= new undici.ProxyAgent({
      uri: proxy,
      requestTls: { ca: readFileSync(join(root, 'ca.pem'), 'utf8') },
    })
    try {
      return await undici.request(url, { ...options, dispatcher: this.#agent })
    } catch (failure) {
      if (options.signal instanceof AbortSignal && options.signal.aborted) throw failure
      throw unverified(404, failure)
    }
  }
}

function authorized(proof: Proof): Record<string, string> {
  const version = { 'x-ms-version': '2024-11-04' }
  return proof.authorization === undefined ? version : { ...version, authorization: proof.authorization }
}

function described(
  headers: Readonly<Record<string, string>>,
): Omit<Source, 'url' | 'etag' | 'length' | 'parts' | 'sha256' | 'read'> {
  const kept = {
    contentType: headers['content-type'] ?? 'application/octet-stream',
    ...(headers['content-encoding'] === undefined ? {} : { contentEncoding: headers['content-encoding'] }),
    ...(headers['content-language'] === undefined ? {} : { contentLanguage: headers['content-language'] }),
    ...(headers['content-disposition'] === undefined ? {} : { contentDisposition: headers['content-disposition'] }),
    ...(headers['cache-control'] === undefined ? {} : { cacheControl: headers['cache-control'] }),
  }
  const metadata = Object.entries(headers).filter(([name]) => name.startsWith('x-ms-meta-'))
  return {
    kind: headers['x-ms-blob-type'] === 'AppendBlob' ? 'AppendBlob' : 'BlockBlob',
    modified: Date.parse(headers['last-modified'] ?? ''),
    headers: kept,
    md5: headers['content-md5'] ?? null,
    metadata: Object.fromEntries(metadata.map(([name, value]) => [name.slice('x-ms-meta-'.length), value])),
  }
}

function flat(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

function unverified(status: number, cause?: unknown): Refusal {
  const known = status === 401 || status === 403 || status === 404 || status === 412 ? status : 404
  const reason = cause instanceof Error ? ` (${cause.message})` : ''
  return new Refusal(
    known,
    'CannotVerifyCopySource',
    `The copy source could not be read: it answered ${status}${reason}.`,
  )
}
