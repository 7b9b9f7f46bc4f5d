import type { JsonObject } from '../core/model.ts'
import type { EvaluationDatasets, EvaluationRecord, KeptRecord } from './evaluation-datasets.ts'
import { sorted } from './exact-json.ts'

/** Records that are held before they are written. */
const RECORDS_AT_ONCE = 1000

type Said = Pick<KeptRecord, 'says' | 'digest'>

/** What the records of a dataset are to be. */
export interface WantedRecords {
  /** The dataset. */
  readonly id: string
  /** All that are to be there. A list that does not come to its end throws, and nothing is taken away then. */
  wanted(): AsyncIterable<Said>
  /** Whether a record that stands, and is not wanted as it is, may go: asked by its digest. */
  mayGo(digest: string): boolean
}

/**
 * Makes the records of a dataset be those that are wanted. What is new is there before anything is taken away. Safe to
 * call again. Returns the digests of all that are wanted.
 */
export async function becomeRecords(
  api: EvaluationDatasets,
  { id, wanted, mayGo }: WantedRecords,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const before = await recordsIn(api, id, signal)
  const { all, added } = await putLacking(api, { id, wanted: wanted(), there: before }, signal)
  const stale = new Set([...before].flatMap(([digest, one]) => (!all.has(digest) && mayGo(digest) ? [one] : [])))
  if (stale.size === 0) return all
  // The server merges a record into the one with the same inputs: that one may be as it is wanted by now.
  const there = new Map(added === 0 ? before : await recordsIn(api, id, signal))
  const gone = [...there].filter(([digest, one]) => stale.has(one) && !all.has(digest))
  if (gone.length === 0) return all
  await api.removeRecords(
    id,
    gone.map(([, one]) => one),
    signal,
  )
  for (const [digest] of gone) there.delete(digest)
  if (added > 0) await putLacking(api, { id, wanted: wanted(), there }, signal)
  return all
}

/** The ids of records by the digests of what they say. */
export async function recordsIn(
  api: EvaluationDatasets,
  id: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for await (const one of api.records(id, signal)) found.set(one.digest, one.id)
  return found
}

interface Lacking {
  readonly id: string
  readonly wanted: AsyncIterable<Said>
  readonly there: ReadonlyMap<string, string>
}

/** Writes the records that are not there, and tells how many those were. */
async function putLacking(api: EvaluationDatasets, { id, wanted, there }: Lacking, signal: AbortSignal) {
  const all = new Set<string>()
  let added = 0
  let waiting: EvaluationRecord[] = []
  const write = async () => {
    added += waiting.length
    await api.put(id, waiting, signal)
    waiting = []
  }
  for await (const { digest, says } of wanted) {
    all.add(digest)
    if (there.has(digest)) continue
    waiting.push(says)
    if (waiting.length >= RECORDS_AT_ONCE) await write()
  }
  await write()
  return { all, added }
}

/**
 * Adds the records that are not there, and to those with the same inputs what only the other says: what both say of one
 * thing stays as it is here. Nothing is taken away. Safe to call again. Returns the digests of the other's.
 */
export async function mergeRecords(
  api: EvaluationDatasets,
  { id, wanted }: Pick<WantedRecords, 'id' | 'wanted'>,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const all = new Set<string>()
  const here = new Map<string, KeptRecord>()
  for await (const one of api.records(id, signal)) here.set(inputsOf(one.says), one)
  const missing: EvaluationRecord[] = []
  for await (const { digest, says } of wanted()) {
    all.add(digest)
    const ours = here.get(inputsOf(says))
    if (ours === undefined) missing.push(says)
    else if (ours.digest !== digest && hasMore(says, ours.says)) missing.push(withOurs(says, ours.says))
  }
  await api.put(id, missing, signal)
  return all
}

/** By which the server tells records apart. */
function inputsOf({ inputs }: EvaluationRecord): string {
  return JSON.stringify(sorted(inputs))
}

const MERGED = ['expectations', 'tags'] as const

function hasMore(theirs: EvaluationRecord, ours: EvaluationRecord): boolean {
  const lacks = (field: (typeof MERGED)[number]) =>
    Object.keys((theirs[field] ?? {}) as object).some((key) => !Object.hasOwn((ours[field] ?? {}) as object, key))
  return MERGED.some(lacks) || (ours.outputs === null && theirs.outputs !== null)
}

function withOurs(theirs: EvaluationRecord, ours: EvaluationRecord): EvaluationRecord {
  const both = (field: (typeof MERGED)[number]) => ({
    ...(theirs[field] as JsonObject),
    ...(ours[field] as JsonObject),
  })
  return { ...ours, outputs: ours.outputs ?? theirs.outputs, expectations: both('expectations'), tags: both('tags') }
}
