import type { JsonObject } from '../core/model.ts'

/** What a server says of a trace beside its spans, in MLflow's form: `TraceInfoV3`. */
export interface Trace {
  readonly id: string
  readonly experimentId: string
  /** Tags, metadata, times, state, previews, assessments. */
  readonly info: JsonObject
}

/** Traces of MLflow 3. Lists go to their end or throw. Whoever writes a trace chooses its id. */
export interface Traces {
  /** Of experiments, or `undefined` where the server has no such API. */
  list(experimentIds: readonly string[], signal: AbortSignal): Promise<AsyncIterable<Trace> | undefined>
  /** What one says of itself, or `undefined` where there is none. */
  trace(id: string, signal: AbortSignal): Promise<Trace | undefined>
  /** All spans with their events, in the form of OpenTelemetry's protocol. */
  spans(id: string, signal: AbortSignal): Promise<readonly JsonObject[]>
  /** Makes the trace be what it says; tags, metadata and assessments that it has already stay beside these. */
  put(trace: Trace, signal: AbortSignal): Promise<void>
  /** Takes a tag away. One that is gone already is success. */
  deleteTag(id: string, key: string, signal: AbortSignal): Promise<void>
  /** Takes an assessment away, by its id. One that is gone already is success. */
  deleteAssessment(id: string, assessmentId: string, signal: AbortSignal): Promise<void>
  /** Adds spans to a trace, or writes them again. */
  putSpans(trace: Trace, spans: readonly JsonObject[], signal: AbortSignal): Promise<void>
  /** Ids of the traces of experiments that were linked to a run, beside those that say themselves that they came of it. */
  linked(runId: string, experimentIds: readonly string[], signal: AbortSignal): Promise<readonly string[]>
  /** Links traces to a run. One that is linked already is success. Returns false where the server has no such API. */
  link(runId: string, traceIds: readonly string[], signal: AbortSignal): Promise<boolean>
}

/** Metadata of a trace whose value is the id of the run that it came of. */
export const SOURCE_RUN = 'mlflow.sourceRun'

/** Keys of tags and of metadata that a server writes by itself: where it keeps a trace, and that it has it. */
export const SERVERS_OWN: ReadonlySet<string> = new Set([
  'mlflow.artifactLocation',
  'mlflow.trace.spansLocation',
  'mlflow.trace.infoFinalized',
])

/** What of a trace has to be taken away by name, since writing it again leaves it there. */
export interface Labels {
  /** Keys. */
  readonly tags: readonly string[]
  /** Ids. */
  readonly assessments: readonly string[]
}

export function labelsOf({ tags, assessments }: JsonObject): Labels {
  const notes = (assessments ?? []) as readonly JsonObject[]
  return {
    tags: Object.keys((tags ?? {}) as JsonObject),
    assessments: notes.map((one) => String(one['assessment_id'])),
  }
}

/** The labels that were there and are not to be there now. */
export function goneFrom(before: Labels, now: Labels): Labels {
  const gone = (of: keyof Labels) => {
    const kept = new Set(now[of])
    return before[of].filter((one) => !kept.has(one))
  }
  return { tags: gone('tags'), assessments: gone('assessments') }
}

/** What has to be written of a trace. */
export interface TraceChange {
  /** It says of itself already what it is to say. */
  readonly isSame: boolean
  readonly gone: Labels
  /** Spans. */
  readonly lacking: readonly JsonObject[]
}

/** Makes a trace be what is wanted. Safe to call again. */
export async function writeTrace(
  api: Traces,
  trace: Trace,
  { isSame, gone, lacking }: TraceChange,
  signal: AbortSignal,
): Promise<void> {
  // First what it says of itself: a server that gets spans first makes up times and state from them.
  if (!isSame) await api.put(trace, signal)
  for (const key of gone.tags) await api.deleteTag(trace.id, key, signal)
  for (const assessment of gone.assessments) await api.deleteAssessment(trace.id, assessment, signal)
  if (lacking.length === 0) return
  await api.putSpans(trace, lacking, signal)
  // And once more: spans lengthen a trace whose own duration is not that between its first and last whole millisecond.
  await api.put(trace, signal)
}
