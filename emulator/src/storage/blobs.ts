import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Clock } from '../clock.ts'
import { complaint } from '../complaint.ts'
import type { Database } from '../state/database.ts'
import { type Account, Accounts, type Container } from './accounts.ts'
import { type Blob, Catalogue } from './catalogue.ts'
import { Contents } from './contents.ts'
import { Pages } from './pages.ts'
import { Parts, partOf } from './parts.ts'

/** Where a blob is. The name is data: `..`, `//` and encoded slashes mean nothing here. */
export interface BlobRef {
  readonly account: string
  readonly container: string
  readonly name: string
}

/** What is known of a blob without reading it. */
export type BlobInfo = BlobRef & Omit<Blob, 'container' | 'key'>

/** Bytes `from` up to but not including `to`; without `to`, up to the end. */
export interface Range {
  readonly from: number
  readonly to?: number
}

export interface PutOptions {
  readonly contentType?: string
  readonly metadata?: Readonly<Record<string, string>>
}

/** Azure forgets uncommitted blocks after a week. */
const WEEK = 7 * 24 * 3600 * 1000

/**
 * The blobs of a region as its other parts use them: no signatures, no leases, no conditions.
 *
 * A write is durable when its promise resolves. It stands in the activity log only if the caller,
 * who answers the request, notes it there.
 */
export class Blobs {
  /** Rows of accounts and containers, for writes that must share a transaction. */
  readonly accounts: Accounts
  /** Rows of blobs, for the same. */
  readonly catalogue: Catalogue
  readonly parts: Parts
  readonly pages: Pages
  readonly contents: Contents
  readonly #db: Database
  readonly #loose = new Set<string>()
  #closed = false

  constructor(db: Database, clock: Clock, dir: string) {
    this.#db = db
    this.accounts = new Accounts(db, clock)
    this.contents = new Contents(join(dir, 'blobs'))
    this.parts = new Parts(db, clock, (file) => this.#loosen(file))
    this.pages = new Pages(db)
    this.catalogue = new Catalogue(db, clock, this)
    this.contents.sweep(this.parts.filesInUse())
    db.write(() => this.parts.expireBlocks(clock.now() - WEEK)).catch(complaint('blocks that were never committed'))
  }

  /** The account, or `undefined` where it is not in this region. */
  account(name: string): Account | undefined {
    return this.accounts.get(name)
  }

  /** Makes the account if it is not there. Its keys never change by this. */
  async ensureAccount(name: string): Promise<void> {
    if (this.accounts.get(name) !== undefined) return
    await this.#db.write(() => this.accounts.create(name))
  }

  /** Makes the container if it is not there. */
  async ensureContainer(account: string, name: string): Promise<void> {
    if (this.accounts.container(account, name) !== undefined) return
    await this.#db.write(() => {
      if (this.accounts.container(account, name) === undefined) this.accounts.addContainer(account, name)
    })
  }

  /** Stores a block blob, replacing what was there. The container must be there. */
  async put(ref: BlobRef, body: Uint8Array | Readable, options: PutOptions = {}): Promise<BlobInfo> {
    this.#container(ref)
    const content = await this.contents.receive(body, { md5: true })
    const put = () => {
      const { md5, sha256 } = content
      const headers = { contentType: options.contentType ?? 'application/octet-stream' }
      const metadata = options.metadata ?? {}
      const given = { kind: 'BlockBlob', headers, md5, sha256, metadata, tags: {}, tier: null, copy: null } as const
      return this.catalogue.put(this.#container(ref).key, ref.name, given, [partOf(content)])
    }
    try {
      return infoOf(ref, await this.#db.write(put))
    } catch (failure) {
      // Whoever tries again brings its bytes again.
      if (content.file !== null) this.contents.discard(content.file)
      throw failure
    }
  }

  /** What is known of a blob, or `undefined` where there is none. */
  info(ref: BlobRef): BlobInfo | undefined {
    const blob = this.#find(ref)
    return blob === undefined ? undefined : infoOf(ref, blob)
  }

  /** A blob and a stream of its bytes as they are now, whatever is written meanwhile; `undefined` where there is none. */
  open(ref: BlobRef, range: Range = { from: 0 }): { info: BlobInfo; stream: Readable } | undefined {
    const blob = this.#find(ref)
    if (blob === undefined) return undefined
    const to = Math.min(range.to ?? blob.length, blob.length)
    const stream = this.stream(blob, range.from, Math.max(to, range.from))
    return { info: infoOf(ref, blob), stream }
  }

  /** Bytes `from` up to but not including `to` of a blob of any kind. */
  stream(blob: Blob, from: number, to: number): Readable {
    return blob.kind === 'PageBlob'
      ? this.pages.stream(blob.key, { from, to })
      : this.contents.stream(this.parts.of(blob), from, to)
  }

  /** The first bytes of a blob, at most `most`; `undefined` where there is no blob. */
  async read(ref: BlobRef, most: number): Promise<Buffer | undefined> {
    const opened = this.open(ref)
    if (opened === undefined) return undefined
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of opened.stream) {
      chunks.push(chunk)
      size += chunk.length
      if (size >= most) break
    }
    return Buffer.concat(chunks).subarray(0, most)
  }

  /** Blobs whose names start with `prefix`, in byte order of names, after the name `after`. */
  list(account: string, container: string, page: { prefix?: string; after?: string; limit?: number } = {}): BlobInfo[] {
    const found = this.accounts.container(account, container)
    if (found === undefined) return []
    const { prefix = '', after, limit = Number.MAX_SAFE_INTEGER } = page
    const from = after === undefined ? '' : `${after}\0`
    return this.catalogue
      .list(found.key, { prefix, from, limit })
      .map((blob) => infoOf({ account, container, name: blob.name }, blob))
  }

  /** Removes a blob and its snapshots. True if it was there. */
  async remove(ref: BlobRef): Promise<boolean> {
    return this.#db.write(() => {
      const blob = this.#find(ref)
      if (blob === undefined) return false
      for (const one of this.catalogue.snapshots(blob.container, blob.name)) this.catalogue.remove(one)
      this.catalogue.remove(blob)
      return true
    })
  }

  /** Removes the account with all its containers and blobs. Inside a write of the database. */
  dropAccount(name: string): void {
    for (const container of this.accounts.containers(name, { limit: Number.MAX_SAFE_INTEGER })) {
      this.catalogue.clear(container)
      this.accounts.dropContainer(container)
    }
    this.accounts.remove(name)
  }

  /** Ends what still touches the disk. Before the database is closed. */
  close(): Promise<void> {
    this.#closed = true
    return this.contents.close()
  }

  #find(ref: BlobRef): Blob | undefined {
    const container = this.accounts.container(ref.account, ref.container)
    return container === undefined ? undefined : this.catalogue.get(container.key, ref.name)
  }

  #container(ref: BlobRef): Container {
    const container = this.accounts.container(ref.account, ref.container)
    if (container === undefined) throw new Error(`the container ${ref.account}/${ref.container} is not in this region`)
    return container
  }

  /** A file that lost a reference goes after the transaction, if by then nothing refers to it. */
  #loosen(file: string): void {
    if (this.#loose.size === 0) setImmediate(() => this.#collect())
    this.#loose.add(file)
  }

  #collect(): void {
    if (this.#closed) return
    for (const file of this.#loose) {
      if (!this.parts.inUse(file)) this.contents.discard(file)
    }
    this.#loose.clear()
  }
}

function infoOf(ref: BlobRef, blob: Blob): BlobInfo {
  const { key: _key, container: _container, ...rest } = blob
  return { ...rest, ...ref }
}
