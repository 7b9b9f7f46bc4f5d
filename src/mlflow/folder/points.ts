import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Json, JsonObject } from '../../core/model.ts'
import { pointFrom, pointToJson } from '../shapes.ts'
import type { Point } from '../tracking.ts'
import { type Documents, damaged } from './documents.ts'
import { fileName } from './names.ts'

/** Points of one metric that came in one call: a file of JSON lines that is never written again. */
export interface Segment {
  readonly key: string
  /** Beside the run's document. */
  readonly file: string
  readonly points: number
  readonly sha256: string
}

const LINES_A_CHUNK = 500

/** Writes points and says where they are. They count from when the run's document names them. */
export async function writePoints(
  documents: Documents,
  folder: string,
  { points, first }: { readonly points: readonly Point[]; readonly first: number },
): Promise<readonly Segment[]> {
  const byKey = Map.groupBy(points, ({ key }) => key)
  const segments: Segment[] = []
  for (const [key, own] of byKey) {
    const file = `metrics/${fileName(key)}.${first + segments.length}.jsonl`
    const hash = createHash('sha256')
    await documents.write(`${folder}/${file}`, hashed(linesOf(own), hash))
    segments.push({ key, file, points: own.length, sha256: hash.digest('hex') })
  }
  return segments
}

/** The points of a segment as they were written. A file that is not as it was ends with `blob/damaged`. */
export async function* readPoints(
  documents: Documents,
  { folder, segment }: { readonly folder: string; readonly segment: Segment },
  signal: AbortSignal,
): AsyncIterable<Point> {
  const path = `${folder}/${segment.file}`
  const hash = createHash('sha256')
  const bytes = createReadStream(join(documents.folder, path), { signal })
  try {
    const lines = createInterface({ input: bytes, crlfDelay: Number.POSITIVE_INFINITY })
    for await (const line of lines) {
      hash.update(`${line}\n`)
      yield pointFrom({ ...(JSON.parse(line) as JsonObject), key: segment.key })
    }
  } catch (thrown) {
    signal.throwIfAborted()
    throw damaged(path, thrown instanceof Error ? thrown.message : String(thrown))
  } finally {
    bytes.destroy()
  }
  if (hash.digest('hex') !== segment.sha256) throw damaged(path, 'it is not the file that the run’s document names')
}

async function* linesOf(points: readonly Point[]): AsyncIterable<Uint8Array> {
  for (let from = 0; from < points.length; from += LINES_A_CHUNK) {
    const chunk = points.slice(from, from + LINES_A_CHUNK)
    yield Buffer.from(chunk.map((point) => `${JSON.stringify(without(point))}\n`).join(''))
  }
}

async function* hashed(bytes: AsyncIterable<Uint8Array>, hash: { update(chunk: Uint8Array): unknown }) {
  for await (const chunk of bytes) {
    hash.update(chunk)
    yield chunk
  }
}

/** The key stands in the run's document once, not in every line. */
function without(point: Point): Json {
  const { key: _, ...rest } = pointToJson(point)
  return rest
}
