import { createHash } from 'node:crypto'
import { canonical } from '../../core/canonical.ts'
import { address, type Json, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { SERVERS_OWN } from '../../mlflow/traces.ts'

/** Metadata of traces and of assessments whose value is the id of a run or of a logged model. */
const IDS = new Set(['mlflow.sourceRun', 'mlflow.assessment.sourceRunId', 'mlflow.modelId'])

/** A trace in portable form. Its id is the same everywhere: whoever writes it chooses it. */
export interface TraceBody {
  readonly experiment: string
  readonly id: string
  /** MLflow's `TraceInfoV3` without its place. */
  readonly info: JsonObject
  readonly spans: SpanSum
}

export interface SpanSum {
  readonly count: number
  readonly sha256: string
}

export function traceItem(body: TraceBody) {
  const { experiment, id } = body
  return item(address('trace', experiment, id), { ...body, spans: { ...body.spans } }, [
    address('experiment', experiment),
  ])
}

export function traceBody(body: JsonObject): TraceBody {
  return body as unknown as TraceBody
}

export function sumOfSpans(spans: readonly JsonObject[]): SpanSum {
  const lines = spans.map((span) => canonical(span)).toSorted()
  return { count: spans.length, sha256: createHash('sha256').update(lines.join('\n')).digest('hex') }
}

/** Spans that are not there as they are wanted. */
export function lackingSpans(wanted: readonly JsonObject[], there: readonly JsonObject[]): readonly JsonObject[] {
  const has = new Set(there.map((span) => canonical(span)))
  return wanted.filter((span) => !has.has(canonical(span)))
}

export function isOpen(info: JsonObject): boolean {
  return info['state'] === 'IN_PROGRESS'
}

/** The info without what each server says by itself, with its ids renamed. */
export async function renamedInfo(info: JsonObject, rename: (id: string) => Promise<string>): Promise<JsonObject> {
  const { trace_location: _, tags, trace_metadata, assessments, ...rest } = info
  const renamed = async (of: Json | undefined): Promise<JsonObject> => {
    const entries = Object.entries((of ?? {}) as JsonObject).filter(([key]) => !SERVERS_OWN.has(key))
    return Object.fromEntries(
      await Promise.all(entries.map(async ([key, value]) => [key, IDS.has(key) ? await rename(String(value)) : value])),
    )
  }
  const all = ((assessments ?? []) as readonly JsonObject[]).map(async ({ metadata, ...one }) =>
    metadata === undefined ? one : { ...one, metadata: await renamed(metadata) },
  )
  return {
    ...rest,
    tags: await renamed(tags),
    trace_metadata: await renamed(trace_metadata),
    assessments: (await Promise.all(all)).toSorted((one, other) => (canonical(one) < canonical(other) ? -1 : 1)),
  }
}

/** Ours, with the tags, metadata and assessments that only theirs has. */
export function withTheirs(ours: JsonObject, theirs: JsonObject): JsonObject {
  const joined = (field: string) => ({ ...(theirs[field] as JsonObject), ...(ours[field] as JsonObject) })
  const own = (ours['assessments'] ?? []) as readonly JsonObject[]
  const ids = new Set(own.map((one) => one['assessment_id']))
  const more = ((theirs['assessments'] ?? []) as readonly JsonObject[]).filter((one) => !ids.has(one['assessment_id']))
  return { ...ours, tags: joined('tags'), trace_metadata: joined('trace_metadata'), assessments: [...own, ...more] }
}
