import type { JsonObject } from '../core/model.ts'

/** What a server says of a trace beside its spans, in MLflow's form: `TraceInfoV3`. */
export interface Trace {
  readonly id: string
  readonly experimentId: string
  /** Tags, metadata, times, state, previews, assessments. */
  readonly info: JsonObject
}

export type TraceName = Pick<Trace, 'id' | 'experimentId'>

/** Traces of MLflow 3. Lists go to their end or throw. Whoever writes a trace chooses its id. */
export interface Traces {
  /** Of experiments, or `undefined` where the server has no such API. */
  list(experimentIds: readonly string[], signal: AbortSignal): Promise<AsyncIterable<Trace> | undefined>
  /**
   * Whether an experiment has traces that only the API before this one hands out, as of MLflow 2.14 to 2.22. To be asked
   * where {@link list} has none. Absent where a place never had that API.
   */
  hasOlder?(experimentId: string, signal: AbortSignal): Promise<boolean>
  /** What one says of itself, or `undefined` where there is none. */
  trace(id: string, signal: AbortSignal): Promise<Trace | undefined>
  /** All spans with their events, in the form of OpenTelemetry's protocol; none where the server hands out none. */
  spans(id: string, signal: AbortSignal): Promise<readonly JsonObject[]>
  /** Makes the trace be what it says; tags, metadata and assessments that it has already stay beside these. */
  put(trace: Trace, signal: AbortSignal): Promise<void>
  /** Takes a tag away. One that is gone already is success. */
  deleteTag(id: string, key: string, signal: AbortSignal): Promise<void>
  /** Takes an assessment away, by its id. One that is gone already is success. */
  deleteAssessment(id: string, assessmentId: string, signal: AbortSignal): Promise<void>
  /** Adds spans to a trace, or writes them again. */
  putSpans(trace: Trace, spans: readonly JsonObject[], signal: AbortSignal): Promise<void>
  /** The traces of experiments that were linked to a run, beside those that say themselves that they came of it. */
  linked(runId: string, experimentIds: readonly string[], signal: AbortSignal): Promise<readonly TraceName[]>
  /** Links traces to a run. One that is linked already is success. Returns false where the server has no such API. */
  link(runId: string, traceIds: readonly string[], signal: AbortSignal): Promise<boolean>
  /** Whether a trace was linked to a run. */
  isLinked(runId: string, trace: TraceName, signal: AbortSignal): Promise<boolean>
  /** Links a trace to versions of prompts, by which a search finds it. Those that are linked already are success. */
  linkPrompts(id: string, prompts: readonly PromptVersion[], signal: AbortSignal): Promise<void>
}

export interface PromptVersion {
  readonly name: string
  readonly version: string
}

/** Metadata of a trace whose value is the id of the run that it came of. */
export const SOURCE_RUN = 'mlflow.sourceRun'

/** Tag of a trace that lists, in JSON, the versions of prompts that it was linked to. Whoever links them writes it. */
const LINKED_PROMPTS = 'mlflow.linkedPrompts'

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
  const prompts = isSame ? [] : promptsOf(trace)
  // First what it says of itself: a server that gets spans first makes up times and state from them. Of prompts it speaks
  // when they are linked, so that whoever finds it equal knows that they are.
  if (!isSame) await api.put(prompts.length === 0 ? trace : withoutPrompts(trace), signal)
  if (prompts.length > 0) await api.linkPrompts(trace.id, prompts, signal)
  for (const key of gone.tags) await api.deleteTag(trace.id, key, signal)
  for (const assessment of gone.assessments) await api.deleteAssessment(trace.id, assessment, signal)
  if (lacking.length > 0) await api.putSpans(trace, lacking, signal)
  // And once more: spans lengthen a trace whose own duration is not that between its first and last whole millisecond.
  if (lacking.length + prompts.length > 0) await api.put(trace, signal)
}

/** What stands in that tag is a client's: what cannot be read links nothing. */
function promptsOf({ info }: Trace): readonly PromptVersion[] {
  const text = ((info['tags'] ?? {}) as JsonObject)[LINKED_PROMPTS]
  let found: unknown
  try {
    found = typeof text === 'string' ? JSON.parse(text) : []
  } catch {
    return []
  }
  const all = Array.isArray(found) ? (found as readonly (Partial<PromptVersion> | null)[]) : []
  return all.flatMap((one) => {
    const [name, version] = [one?.name, String(one?.version)]
    return typeof name === 'string' && /^\d+$/.test(version) ? [{ name, version }] : []
  })
}

function withoutPrompts(trace: Trace): Trace {
  const { [LINKED_PROMPTS]: _, ...tags } = trace.info['tags'] as JsonObject
  return { ...trace, info: { ...trace.info, tags } }
}
