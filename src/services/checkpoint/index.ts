import { buffer, text } from 'node:stream/consumers'
import type { BlobInfo, BlobStore } from '../../blobs/blob-store.ts'
import { digestOf } from '../../core/canonical.ts'
import { Fault } from '../../core/errors.ts'
import { type Address, type Item, segmentsOf } from '../../core/model.ts'
import { copyBlob } from '../blob-copy.ts'
import { OWN_CONTAINER } from '../blob-origin.ts'
import type { Carriage, Converged, Place, Reach, Service } from '../service.ts'
import {
  type CheckpointBody,
  checkpointBody,
  checkpointItem,
  filesOf,
  type Manifest,
  manifestFrom,
  type OpenOutput,
} from './schema.ts'

/** How checkpoints of running jobs are found and reached. */
export interface CheckpointAccess {
  /** A container of the workspace's default storage; it is made when something is put into it. */
  container(place: Place, name: string): BlobStore
  /** Persisting outputs of jobs that are queued or running. */
  openOutputs(place: Place, signal: AbortSignal): Promise<readonly OpenOutput[]>
  now(): number
}

/** How often a set is read again that changes while it is copied, before it is left to the next pass. */
const TRIES = 6

/** Checkpoints of running jobs, as consistent sets. See ./readme.md. */
export function checkpoints(access: CheckpointAccess): Service {
  const own = (place: Place): BlobStore => access.container(place, OWN_CONTAINER)

  async function* list(place: Place, { signal, as }: Reach): AsyncIterable<Item> {
    if (as === 'target') {
      for await (const info of own(place).list('checkpoints/', signal)) {
        if (!info.name.endsWith('/manifest.json')) continue
        const manifest = await manifestAt(place, info.name, signal)
        if (manifest !== undefined) yield checkpointItem(manifest)
      }
      return
    }
    for (const output of await access.openOutputs(place, signal)) {
      const body = await bodyOf(place, output, signal)
      if (body.files.length > 0) yield checkpointItem(body)
    }
  }

  async function read(place: Place, of: Address, reach: Reach): Promise<Item | undefined> {
    const [job = '', output = ''] = segmentsOf(of)
    if (reach.as === 'target') {
      const manifest = await manifestAt(place, manifestName(job, output), reach.signal)
      return manifest === undefined ? undefined : checkpointItem(manifest)
    }
    const open = (await access.openOutputs(place, reach.signal)).find((one) => one.job === job && one.output === output)
    return open === undefined ? undefined : checkpointItem(await bodyOf(place, open, reach.signal))
  }

  async function bodyOf(place: Place, output: OpenOutput, signal: AbortSignal): Promise<CheckpointBody> {
    const infos = await listed(access.container(place, output.container), output.prefix, signal)
    return { ...output, container: place.portable(output.container), files: filesOf(infos, output.prefix) }
  }

  /** Copies what is there now, not what was there at the plan: a job that writes often would else never be caught. */
  async function converge(place: Place, wanted: Item, { source, signal }: Carriage): Promise<Converged> {
    const { job, output, container, prefix } = checkpointBody(wanted.body)
    const open: OpenOutput = { job, output, container: source.local(container), prefix }
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const observedAt = access.now()
      const before = await bodyOf(source, open, signal)
      const generation = digestOf(checkpointItem(before).body).slice(0, 16)
      if (!(await copySet(source, place, { body: before, generation, signal }))) continue
      const after = await bodyOf(source, open, signal)
      if (checkpointItem(after).digest !== checkpointItem(before).digest) continue
      await publish(place, before, generation, signal)
      return { ...checkpointItem(before), observedAt }
    }
    throw new Fault('blob/changed', `${wanted.address} changed ${TRIES} times while it was being copied`, {
      facts: { tries: TRIES },
      hint: 'The consistent set from before is kept; the next pass tries again.',
    })
  }

  /** True if every file was copied in the version that the body names. */
  async function copySet(
    from: Place,
    to: Place,
    set: { body: CheckpointBody; generation: string; signal: AbortSignal },
  ): Promise<boolean> {
    const { body, generation, signal } = set
    for (const file of body.files) {
      const source = {
        place: from,
        store: access.container(from, from.local(body.container)),
        name: body.prefix + file.name,
      }
      const target = { place: to, store: own(to), name: `${folder(body.job, body.output)}${generation}/${file.name}` }
      const there = await target.store.head(target.name, signal)
      if (there?.metadata['holdfast_origin'] === file.origin) continue
      try {
        if ((await copyBlob(source, target, signal)) === undefined) return false
      } catch (thrown) {
        if ((thrown as { code?: unknown }).code === 'blob/changed') return false
        throw thrown
      }
    }
    return true
  }

  /** Makes the set the one that counts, then lets go of all but it and the one before. */
  async function publish(place: Place, body: CheckpointBody, generation: string, signal: AbortSignal): Promise<void> {
    const name = manifestName(body.job, body.output)
    const before = await manifestAt(place, name, signal)
    if (before?.generation === generation) return
    const manifest: Manifest = { ...body, generation, previous: before?.generation }
    await own(place).put(name, Buffer.from(JSON.stringify(manifest)), { signal, contentType: 'application/json' })
    const kept = [generation, before?.generation].map((one) => `${folder(body.job, body.output)}${one}/`)
    for (const info of await listed(own(place), folder(body.job, body.output), signal)) {
      const stale = info.name !== name && !kept.some((prefix) => info.name.startsWith(prefix))
      if (stale) await own(place).remove(info.name, { signal })
    }
  }

  async function manifestAt(place: Place, name: string, signal: AbortSignal): Promise<Manifest | undefined> {
    const found = await own(place).get(name, { signal })
    return found === undefined ? undefined : manifestFrom(await text(found.bytes), name)
  }

  return {
    kind: 'checkpoint',
    needs: ['blob'],
    can: { converge: true, update: true, remove: true, acts: false, ordered: false },
    list,
    read,
    references: () => [],
    // There is a set only while its job runs.
    open: () => true,
    converge,
    remove: async (place, of, { signal }) => {
      const [job = '', output = ''] = segmentsOf(of)
      // The manifest goes first: without it nothing below the folder counts.
      await own(place).remove(manifestName(job, output), { signal })
      for (const info of await listed(own(place), folder(job, output), signal))
        await own(place).remove(info.name, { signal })
    },
  }
}

/** Puts the last consistent set where a resubmitted job looks for it. Returns its files, `undefined` where there is none. */
export async function placeCheckpoint(
  access: Pick<CheckpointAccess, 'container'>,
  place: Place,
  request: { readonly job: string; readonly output: string; readonly prefix?: string; readonly signal: AbortSignal },
): Promise<{ readonly container: string; readonly prefix: string; readonly body: CheckpointBody } | undefined> {
  const { job, output, signal } = request
  const own = access.container(place, OWN_CONTAINER)
  const name = manifestName(job, output)
  const found = await own.get(name, { signal })
  if (found === undefined) return undefined
  const manifest = manifestFrom(await text(found.bytes), name)
  const container = place.local(manifest.container)
  const prefix = request.prefix ?? manifest.prefix
  for (const file of manifest.files) {
    const from = await own.get(`${folder(job, output)}${manifest.generation}/${file.name}`, { signal })
    if (from === undefined) {
      throw new Fault('blob/damaged', `checkpoint/${job}/${output} has lost ${file.name}`, {
        hint: 'Resubmit the job by hand from an earlier checkpoint.',
      })
    }
    await access
      .container(place, container)
      .put(prefix + file.name, await buffer(from.bytes), { signal, metadata: from.info.metadata })
  }
  return { container, prefix, body: manifest }
}

async function listed(store: BlobStore, prefix: string, signal: AbortSignal): Promise<BlobInfo[]> {
  const infos: BlobInfo[] = []
  for await (const info of store.list(prefix, signal)) infos.push(info)
  return infos
}

function folder(job: string, output: string): string {
  return `checkpoints/${encodeURIComponent(job)}/${encodeURIComponent(output)}/`
}

function manifestName(job: string, output: string): string {
  return `${folder(job, output)}manifest.json`
}
