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
}
