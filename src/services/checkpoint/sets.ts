import { text } from 'node:stream/consumers'
import type { BlobInfo, BlobStore } from '../../blobs/blob-store.ts'
import { type CheckpointBody, type Manifest, manifestFrom } from './schema.ts'

/** The sets that one place keeps for the jobs of the other. */
export interface Sets {
  /** All of them, also those whose job has ended. */
  all(signal: AbortSignal): AsyncIterable<Manifest>
  /** The set that counts, whether its job has ended or not. */
  find(job: string, output: string, signal: AbortSignal): Promise<Manifest | undefined>
  /** Makes a set the one that counts, then lets go of all but it and the one before. */
  publish(body: CheckpointBody, generation: string, signal: AbortSignal): Promise<void>
  /** Says that a job has ended. Its set stays for a while: its outputs are only now being carried as blobs. */
  end(job: string, output: string, signal: AbortSignal): Promise<void>
}

/** How long the set of a job that has ended is kept. */
const KEPT_MILLISECONDS = 3_600_000
const ROOT = 'checkpoints/'
const MANIFEST = '/manifest.json'

type Named = Pick<CheckpointBody, 'job' | 'output'>

export function sets(store: BlobStore, now: () => number): Sets {
  async function at(name: string, signal: AbortSignal): Promise<Manifest | undefined> {
    const found = await store.get(name, { signal })
    return found === undefined ? undefined : manifestFrom(await text(found.bytes), name)
  }

  async function* all(signal: AbortSignal): AsyncIterable<Manifest> {
    for await (const { name } of store.list(ROOT, signal)) {
      if (!isManifest(name)) continue
      const manifest = await at(name, signal)
      if (manifest !== undefined) yield manifest
    }
  }

  function write(manifest: Manifest, signal: AbortSignal): Promise<BlobInfo> {
    const bytes = Buffer.from(JSON.stringify(manifest))
    return store.put(manifestName(manifest), bytes, { signal, contentType: 'application/json' })
  }

  async function publish(body: CheckpointBody, generation: string, signal: AbortSignal): Promise<void> {
    const before = await at(manifestName(body), signal)
    if (before?.generation === generation && before.endedAt === undefined) return
    const previous = before?.generation === generation ? before.previous : before?.generation
    await write({ ...body, generation, ...(previous === undefined ? {} : { previous }) }, signal)
    const kept = [generation, previous].flatMap((one) => (one === undefined ? [] : [generationFolder(body, one)]))
    for (const { name } of await listed(store, folderOf(body), signal)) {
      const counts = name === manifestName(body) || kept.some((prefix) => name.startsWith(prefix))
      if (!counts) await store.remove(name, { signal })
    }
  }

  async function end(job: string, output: string, signal: AbortSignal): Promise<void> {
    const manifest = await at(manifestName({ job, output }), signal)
    if (manifest !== undefined && manifest.endedAt === undefined) await write({ ...manifest, endedAt: now() }, signal)
    for await (const one of all(signal)) {
      if (one.endedAt !== undefined && one.endedAt + KEPT_MILLISECONDS <= now()) await letGo(one, signal)
    }
  }

  async function letGo(of: Named, signal: AbortSignal): Promise<void> {
    // The manifest goes first: without it nothing below the folder counts.
    await store.remove(manifestName(of), { signal })
    for (const { name } of await listed(store, folderOf(of), signal)) await store.remove(name, { signal })
  }

  return { all, find: (job, output, signal) => at(manifestName({ job, output }), signal), publish, end }
}

export async function listed(store: BlobStore, prefix: string, signal: AbortSignal): Promise<BlobInfo[]> {
  const infos: BlobInfo[] = []
  for await (const info of store.list(prefix, signal)) infos.push(info)
  return infos
}

/** Folder of one version of a set, with a slash at its end. */
export function generationFolder(of: Named, generation: string): string {
  return `${folderOf(of)}${generation}/`
}

function folderOf({ job, output }: Named): string {
  return `${ROOT}${encodeURIComponent(job)}/${encodeURIComponent(output)}/`
}

function manifestName(of: Named): string {
  return folderOf(of).slice(0, -1) + MANIFEST
}

/** A file of a job may have any name: only what lies directly in the folder of an output is a manifest. */
function isManifest(name: string): boolean {
  return name.endsWith(MANIFEST) && name.split('/').length === 4
}
