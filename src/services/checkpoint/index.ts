import { setTimeout as sleep } from 'node:timers/promises'
import type { BlobStore } from '../../blobs/blob-store.ts'
import { digestOf } from '../../core/canonical.ts'
import { Fault, isFault } from '../../core/errors.ts'
import { type Address, type Item, segmentsOf } from '../../core/model.ts'
import { ahead } from '../ahead.ts'
import { copyBlob } from '../blob-copy.ts'
import { ORIGIN, OWN_CONTAINER } from '../blob-origin.ts'
import type { Carriage, Converged, Place, Reach, Service } from '../service.ts'
import {
  type CheckpointBody,
  type CheckpointFile,
  checkpointBody,
  checkpointItem,
  filesOf,
  type OpenOutput,
} from './schema.ts'
import { generationFolder, listed, type Sets, sets } from './sets.ts'

/** How checkpoints of running jobs are found and reached. */
export interface CheckpointAccess {
  /** A container of the workspace's default storage; it is made when something is put into it. */
  container(place: Place, name: string): BlobStore
  /** Persisting outputs of jobs that are queued or running. */
  openOutputs(place: Place, signal: AbortSignal): Promise<readonly OpenOutput[]>
  /**
   * Those that the blobs of the same reading left out, told once; `undefined` where its blobs are not read. A job that
   * ends between the two lists would else have its files in neither.
   */
  leftOut?(place: Place, signal: AbortSignal): Promise<readonly OpenOutput[]> | undefined
  /** Wall clock. */
  now(): number
}

/**
 * How long a set must have stayed as it is before it counts, try by try, in milliseconds: long at first, so that a
 * job is not caught between two files of one checkpoint, and shorter for one that writes without rest.
 */
const QUIET = [1000, 500, 250, 100, 0, 0] as const
/** Files of one set that are copied at once. */
const COPIES_AT_ONCE = 4

/** Checkpoints of running jobs, as consistent sets. See ./readme.md. */
export function checkpoints(access: CheckpointAccess): Service {
  const setsAt = (place: Place): Sets => sets(access.container(place, OWN_CONTAINER), access.now)

  async function* list(place: Place, { signal, as }: Reach): AsyncIterable<Item> {
    if (as === 'target') {
      for await (const manifest of setsAt(place).all(signal)) {
        if (manifest.endedAt === undefined) yield checkpointItem(manifest)
      }
      return
    }
    const outputs = access.leftOut?.(place, signal) ?? access.openOutputs(place, signal)
    for (const output of await outputs) {
      const body = await bodyOf(place, output, signal)
      if (body.files.length > 0) yield checkpointItem(body)
    }
  }

  async function read(place: Place, of: Address, { signal, as }: Reach): Promise<Item | undefined> {
    const [job = '', output = ''] = segmentsOf(of)
    if (as === 'target') {
      const manifest = await setsAt(place).find(job, output, signal)
      return manifest === undefined || manifest.endedAt !== undefined ? undefined : checkpointItem(manifest)
    }
    const open = (await access.openOutputs(place, signal)).find((one) => one.job === job && one.output === output)
    const body = open === undefined ? undefined : await bodyOf(place, open, signal)
    return body === undefined || body.files.length === 0 ? undefined : checkpointItem(body)
  }

  async function bodyOf(
    place: Place,
    { job, output, container, prefix }: OpenOutput,
    signal: AbortSignal,
  ): Promise<CheckpointBody> {
    const files = filesOf(await listed(access.container(place, container), prefix, signal), prefix)
    return { job, output, container: place.portable(container), prefix, files }
  }

  /** Copies what is there now, not what was there at the plan: a job that writes often would else never be caught. */
  async function converge(place: Place, wanted: Item, { source, signal }: Carriage): Promise<Converged> {
    const { job, output, container, prefix } = checkpointBody(wanted.body)
    const open: OpenOutput = { job, output, container: source.local(container), prefix }
    for (const quiet of QUIET) {
      const began = access.now()
      const observedAt = source.now?.() ?? began
      const before = checkpointItem(await bodyOf(source, open, signal))
      const body = checkpointBody(before.body)
      const generation = digestOf(before.body).slice(0, 16)
      if (!(await copySet({ from: source, to: place }, { body, generation }, signal))) continue
      const left = quiet - (access.now() - began)
      if (left > 0) await sleep(left, undefined, { signal })
      if (checkpointItem(await bodyOf(source, open, signal)).digest !== before.digest) continue
      await setsAt(place).publish(body, generation, signal)
      return { ...before, observedAt }
    }
    throw new Fault('blob/changed', `${wanted.address} changed ${QUIET.length} times while it was being copied`, {
      facts: { tries: QUIET.length },
      hint: 'The consistent set from before is kept; the next pass tries again.',
    })
  }

  /** True if every file was copied in the version that the body names. */
  async function copySet(
    { from, to }: { readonly from: Place; readonly to: Place },
    { body, generation }: { readonly body: CheckpointBody; readonly generation: string },
    signal: AbortSignal,
  ): Promise<boolean> {
    const source = access.container(from, from.local(body.container))
    const own = access.container(to, OWN_CONTAINER)
    const folder = generationFolder(body, generation)
    async function copy({ name, origin, length }: CheckpointFile): Promise<boolean> {
      const there = await own.head(folder + name, signal)
      if (there?.metadata[ORIGIN] === origin) return true
      const [here, target] = [
        { place: from, store: source, name: body.prefix + name },
        { place: to, store: own, name: folder + name },
      ]
      const copied = await copyBlob(here, target, { length, signal })
      return copied?.metadata[ORIGIN] === origin
    }
    try {
      for await (const isCopied of ahead(COPIES_AT_ONCE, body.files, copy)) if (!isCopied) return false
      return true
    } catch (thrown) {
      if (isFault(thrown, 'blob/changed')) return false
      throw thrown
    }
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
    remove: (place, of, { signal }) => {
      const [job = '', output = ''] = segmentsOf(of)
      return setsAt(place).end(job, output, signal)
    },
  }
}

/** Where a set was put. */
export interface Placed {
  readonly container: string
  readonly prefix: string
  readonly body: CheckpointBody
}

export interface Placing {
  readonly job: string
  readonly output: string
  /** Where the resubmitted job looks. Default: where the first one did. */
  readonly prefix?: string
  readonly signal: AbortSignal
}

/** Puts the last consistent set where a resubmitted job looks for it. `undefined` where there is none. */
export async function placeCheckpoint(
  access: Pick<CheckpointAccess, 'container'>,
  place: Place,
  { job, output, prefix, signal }: Placing,
): Promise<Placed | undefined> {
  const own = access.container(place, OWN_CONTAINER)
  const manifest = await sets(own, Date.now).find(job, output, signal)
  if (manifest === undefined) return undefined
  const container = place.local(manifest.container)
  const to = { place, store: access.container(place, container) }
  const [folder, target] = [generationFolder(manifest, manifest.generation), prefix ?? manifest.prefix]
  const put = async ({ name, length }: CheckpointFile) => {
    const from = { place, store: own, name: folder + name }
    const copied = await copyBlob(from, { ...to, name: target + name }, { length, signal })
    if (copied === undefined) throw lost(job, output, name)
  }
  for await (const _ of ahead(COPIES_AT_ONCE, manifest.files, put));
  return { container, prefix: target, body: manifest }
}

function lost(job: string, output: string, name: string): Fault {
  return new Fault('blob/damaged', `checkpoint/${job}/${output} has lost ${name}`, {
    hint: 'Resubmit the job by hand from an earlier checkpoint.',
  })
}
