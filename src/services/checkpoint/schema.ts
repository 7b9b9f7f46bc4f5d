import type { BlobInfo } from '../../blobs/blob-store.ts'
import { Fault } from '../../core/errors.ts'
import { address, type Item, type Json, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { originOf } from '../blob-origin.ts'

/** An output of a job that persists while the job runs: the folder that holds its checkpoints. */
export interface OpenOutput {
  readonly job: string
  readonly output: string
  /** Container of the workspace's default storage, as it is called there. */
  readonly container: string
  /** Ends in a slash. */
  readonly prefix: string
}

export interface CheckpointFile {
  /** Below the prefix. */
  readonly name: string
  readonly origin: string
  readonly length: number
}

/** One consistent set of files: all were there together, unchanged, at one time. */
export interface CheckpointBody {
  readonly job: string
  readonly output: string
  /** Container, in portable form. */
  readonly container: string
  readonly prefix: string
  readonly files: readonly CheckpointFile[]
}

/** What the standby keeps: the body, where its bytes are, and the set before it. */
export interface Manifest extends CheckpointBody {
  readonly generation: string
  readonly previous?: string
  /** When its job was seen to have ended: milliseconds since 1970. The set is let go of some time later. */
  readonly endedAt?: number
}

export function checkpointAddress(job: string, output: string) {
  return address('checkpoint', job, output)
}

export function checkpointItem(body: CheckpointBody): Item {
  const { job, output, container, prefix, files } = body
  const json = { job, output, container, prefix, files: files.map((file) => ({ ...file })) }
  return item(checkpointAddress(job, output), json satisfies JsonObject, [])
}

export function checkpointBody(body: JsonObject): CheckpointBody {
  return body as unknown as CheckpointBody
}

/** The files below a prefix as a set, in the order of their names. */
export function filesOf(infos: readonly BlobInfo[], prefix: string): CheckpointFile[] {
  return infos
    .map((info) => ({ name: info.name.slice(prefix.length), origin: originOf(info), length: info.length }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

export function manifestFrom(text: string, name: string): Manifest {
  const raw = objectIn(text)
  if (typeof raw?.['job'] === 'string' && typeof raw['generation'] === 'string' && Array.isArray(raw['files'])) {
    return raw as unknown as Manifest
  }
  throw new Fault('blob/damaged', `${name} is not a manifest of a checkpoint`, {
    hint: 'Remove it; the next pass writes it anew.',
  })
}

function objectIn(text: string): JsonObject | undefined {
  try {
    const raw = JSON.parse(text) as Json
    return typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? (raw as JsonObject) : undefined
  } catch {
    return undefined
  }
}
