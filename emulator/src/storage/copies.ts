import type { Clock } from '../clock.ts'
import { complaint } from '../complaint.ts'
import type { Activity } from '../state/activity.ts'
import type { Database } from '../state/database.ts'
import type { Blobs } from './blobs.ts'
import type { Blob, CopyState, NewBlob } from './catalogue.ts'
import { partOf } from './parts.ts'
import type { Source, Sources } from './sources.ts'
import { publicUrl } from './url.ts'

export interface CopyParts {
  readonly db: Database
  readonly clock: Clock
  readonly activity: Activity
  readonly blobs: Blobs
  readonly sources: Sources
}

/**
 * Copies that go on after their request was answered: those whose source is in another region.
 *
 * Their state is in the row of the blob, so they go on after a restart.
 */
export class Copies {
  readonly sources: Sources
  readonly #parts: CopyParts
  readonly #running = new Map<string, AbortController>()

  constructor(parts: CopyParts) {
    this.#parts = parts
    this.sources = parts.sources
  }

  /** Takes up the copies that a restart has interrupted. */
  resume(): void {
    for (const blob of this.#parts.blobs.catalogue.pendingCopies()) this.start(blob, undefined)
  }

  /** Begins to fetch the bytes of a blob whose copy is pending. */
  start(blob: Blob, source: Source | undefined): void {
    const { copy } = blob
    if (copy === null || this.#running.has(copy.id)) return
    const controller = new AbortController()
    this.#running.set(copy.id, controller)
    this.#run(blob, copy, { source, signal: controller.signal })
      .catch((failure) => this.#fail(blob, copy.id, failure))
      .catch(complaint(`the copy to ${blob.name}`))
      .finally(() => this.#running.delete(copy.id))
  }

  /** Ends a copy that goes on. Its row is the caller's. */
  abort(id: string): void {
    this.#running.get(id)?.abort()
  }

  async close(): Promise<void> {
    for (const controller of this.#running.values()) controller.abort()
    this.#running.clear()
    await this.#parts.sources.close()
  }

  async #run(blob: Blob, copy: CopyState, how: { source: Source | undefined; signal: AbortSignal }): Promise<void> {
    const { blobs, sources, db } = this.#parts
    const proof = { authorization: undefined, trusted: undefined }
    const source = how.source ?? (await sources.open(copy.source, proof))
    const content = await blobs.contents.receive(await source.read(0, source.length, how.signal))
    const isWhole = content.length === source.length
    const stored = await db.write(() => {
      const now = this.#pending(blob, copy.id)
      if (now === undefined || !isWhole) return false
      const ended = this.#parts.clock.now()
      // Nobody needs the signature any more.
      const done = {
        ...copy,
        source: publicUrl(copy.source),
        status: 'success',
        copied: content.length,
        ended,
      } as const
      const wanted: NewBlob = { ...now, sha256: content.sha256, md5: now.md5 ?? source.md5, copy: done }
      this.#log(now, blobs.catalogue.put(now.container, now.name, wanted, [partOf(content)]))
      return true
    })
    if (!stored && content.file !== null) blobs.contents.discard(content.file)
    if (!isWhole) throw new Error(`the source ended after ${content.length} of ${source.length} bytes`)
  }

  /** The blob, if it still waits for this copy. */
  #pending(blob: Blob, id: string): Blob | undefined {
    const now = this.#parts.blobs.catalogue.get(blob.container, blob.name)
    return now?.copy?.id === id && now.copy.status === 'pending' ? now : undefined
  }

  async #fail(blob: Blob, id: string, failure: unknown): Promise<void> {
    if (!this.#running.has(id)) return
    const reason = failure instanceof Error ? failure.message : String(failure)
    await this.#parts.db.write(() => {
      const now = this.#pending(blob, id)
      if (now?.copy == null) return
      const source = publicUrl(now.copy.source)
      const copy = { ...now.copy, source, status: 'failed', ended: this.#parts.clock.now(), reason } as const
      this.#parts.blobs.catalogue.note(now, { copy })
    })
  }

  /** The bytes of a copy arrive after its request was logged: this line says what they were. */
  #log(before: Blob, after: Blob): void {
    const { activity, clock, blobs } = this.#parts
    const container = blobs.accounts.containerOf(after.container)
    activity.add({
      at: clock.iso(),
      plane: 'blob',
      operation: 'Blob_StartCopyFromURL (completed)',
      method: 'PUT',
      target: publicUrl(before.copy?.source ?? ''),
      client: 'storage',
      caller: 'storage',
      status: 201,
      body: null,
      note: {
        subject: `blob/${container?.account}/${container?.name}/${after.name}`,
        ...(after.sha256 === null ? {} : { sha256: after.sha256 }),
        facts: { etag: after.etag, length: after.length, copy: after.copy?.id },
      },
    })
  }
}
