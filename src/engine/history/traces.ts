import { createHash } from 'node:crypto'
import { canonical } from '../../core/canonical.ts'
import type { Json, JsonObject } from '../../core/model.ts'
import { awake } from '../../mlflow/awake.ts'
import {
  goneFrom,
  type Labels,
  labelsOf,
  SERVERS_OWN,
  SOURCE_RUN,
  type Trace,
  type Traces,
  writeTrace,
} from '../../mlflow/traces.ts'
import { inParallel } from './in-parallel.ts'
import { forgetReplica, noteKey } from './notes.ts'
import { underWay } from './once.ts'
import { type HistoryFilter, isChosen } from './parts.ts'
import { apart, type Pass, persistently } from './pass.ts'
import { acquaintAll } from './recent.ts'

const AT_ONCE = 4
/** Metadata of traces and of assessments whose value is the id of a run, and of a logged model. */
const RUNS = new Set([SOURCE_RUN, 'mlflow.assessment.sourceRunId'])
const MODELS = new Set(['mlflow.modelId'])

/**
 * Carries traces with all spans, events and assessments under their ids, after the runs and models that they name.
 * Returns the ids of the source's experiments that have any, where the target takes traces.
 */
export async function copyTraces(pass: Pass): Promise<ReadonlySet<string>> {
  const traced = new Set<string>()
  const { parts, experiments, signal } = pass
  const sources = experiments.size === 0 ? undefined : await parts.from.traces?.list([...experiments.keys()], signal)
  if (sources === undefined) {
    await nameOlder(pass)
    return traced
  }
  const targets = await targetIds(pass)
  const standing = await standingTraces(pass, [...targets.values()])
  const lost = new Map<string, number>()
  const going = underWay<Trace>(({ id }) => id)
  await inParallel(AT_ONCE, going.once(sources), async (trace) => {
    traced.add(trace.experimentId)
    await copyOne(pass, trace, { targets, standing, lost })
    going.end(trace)
  })
  for (const [name, count] of lost) {
    const message = `its ${count} traces are not carried: ${parts.to.name} has none`
    pass.troubles.push({ subject: `experiment ${name}`, code: 'sync/loss', message })
  }
  return standing === undefined ? new Set() : traced
}

interface Target {
  /** Ids of experiments by their names. */
  readonly targets: ReadonlyMap<string, string>
  readonly standing: Standing | undefined
  /** How many traces the target does not take, by the names of their experiments. */
  readonly lost: Map<string, number>
}

async function copyOne(pass: Pass, trace: Trace, { targets, standing, lost }: Target): Promise<void> {
  const { parts, experiments } = pass
  const there = standing?.get(trace.id)
  if (!takesTrace(pass, trace) && !(there !== undefined && hasChanged(pass, trace))) return
  const name = experiments.get(trace.experimentId)?.name ?? trace.experimentId
  const api = parts.to.traces
  if (api === undefined || standing === undefined) {
    lost.set(name, (lost.get(name) ?? 0) + 1)
    return
  }
  const experimentId = targets.get(name) ?? ''
  await acquaintAll(pass, JSON.stringify(trace.info))
  const wanted = translated(pass, trace, experimentId)
  await apart(pass, `trace ${trace.id} (${name})`, async () => {
    await persistently(() => copyTrace(pass, api, { wanted, shown: shownBy(trace), there }))
    // A list may give it twice.
    standing.set(trace.id, digestOf(wanted.info))
  })
  parts.progress.advance()
}

/** Traces of MLflow 2 have another form, and are not carried: each experiment that has any is named, as a loss. */
async function nameOlder({ parts, experiments, troubles, signal }: Pass): Promise<void> {
  for (const { id, name } of experiments.values()) {
    if ((await parts.from.traces?.hasOlder?.(id, signal)) !== true) continue
    const message = 'its traces are not carried: the server hands them out in the form of MLflow 2 alone'
    troubles.push({ subject: `experiment ${name}`, code: 'sync/loss', message })
  }
}

/** True for a trace that the filter takes: one of the chosen runs, which is open, or began since. */
export function takesTrace({ parts }: Pass, trace: Trace): boolean {
  const { since } = parts.filter
  if (!isOfChosen(parts.filter, trace)) return false
  return since === undefined || isOpen(trace) || Date.parse(String(trace.info['request_time'])) >= since
}

/** A trace goes with its run; where runs are chosen, only theirs. */
function isOfChosen(filter: HistoryFilter, { info }: Trace): boolean {
  return isChosen(filter, String(metadataOf(info)[SOURCE_RUN]))
}

/** True if a trace of the filter shows something else than when it was carried: its end, an assessment. */
function hasChanged({ parts }: Pass, trace: Trace): boolean {
  if (!isOfChosen(parts.filter, trace)) return false
  return remembered(parts.ledger.get(noteKey('trace', trace.id))).shown !== shownBy(trace)
}

function shownBy({ info }: Trace): string {
  return digestOf(comparable(info))
}

function isOpen({ info }: Trace): boolean {
  return info['state'] === 'IN_PROGRESS'
}

interface TraceCopy {
  readonly wanted: Trace
  /** Digest of all that it says of itself at the source. */
  readonly shown: string
  /** Digest of what stands at the target. */
  readonly there: string | undefined
}

async function copyTrace(pass: Pass, api: Traces, { wanted, shown, there }: TraceCopy): Promise<void> {
  const { parts, signal } = pass
  const key = noteKey('trace', wanted.id)
  if (there === undefined) forgetReplica(parts.ledger, ['trace'], wanted.id)
  const digest = digestOf(wanted.info)
  const before = remembered(parts.ledger.get(key))
  if (there !== undefined && before.digest === digest && !isOpen(wanted)) {
    if (before.shown !== shown) parts.ledger.put(key, noted({ ...before, shown }))
    return
  }
  const spans = (await parts.from.traces?.spans(wanted.id, signal)) ?? []
  const has = there === undefined ? [] : await api.spans(wanted.id, signal)
  const isSame = there === digest
  const lacking = lackingSpans(spans, has)
  const labels = labelsOf(wanted.info)
  const change = { isSame, lacking, gone: goneFrom(before.labels, labels) }
  if (!isSame || lacking.length > 0) {
    await awake(parts.to.tracking, wanted.experimentId, signal, () => writeTrace(api, wanted, change, signal))
  }
  if (spans.length === 0 && !isOpen(wanted)) {
    const message = 'its spans are kept where the server does not hand them out; what it says of itself is carried'
    pass.troubles.push({ subject: `trace ${wanted.id}`, code: 'sync/loss', message })
    return
  }
  if (!isSame || lacking.length > 0) pass.tally.traces += 1
  parts.ledger.put(key, noted({ digest, shown, labels }))
}

/** What was carried last: of that, what is gone since is taken away; what others have added stays. */
interface Remembered {
  /** Of the trace in the names of the target, and of what it showed at the source. */
  readonly digest: string
  readonly shown: string
  readonly labels: Labels
}

function remembered(text: string | undefined): Remembered {
  const { digest = '', shown = '', tags = [], notes = [] } = JSON.parse(text ?? '{}')
  return { digest, shown, labels: { tags, assessments: notes } }
}

function noted({ digest, shown, labels: { tags, assessments } }: Remembered): string {
  return JSON.stringify({ digest, shown, tags, notes: assessments })
}

/** Spans that are not there as they are at the source. */
export function lackingSpans(wanted: readonly JsonObject[], there: readonly JsonObject[]): readonly JsonObject[] {
  const has = new Set(there.map((span) => canonical(span)))
  return wanted.filter((span) => !has.has(canonical(span)))
}

/** Ids of the same experiments at the target, by name. */
export async function targetIds({ parts, experiments, signal }: Pass): Promise<ReadonlyMap<string, string>> {
  const names = new Set([...experiments.values()].map(({ name }) => name))
  const found = new Map<string, string>()
  for await (const { id, name } of parts.to.tracking.experiments(signal)) if (names.has(name)) found.set(name, id)
  return found
}

/** Digests of what the traces of the target say of themselves, by id: there may be very many. */
type Standing = Map<string, string>

/** The traces of the target; `undefined` where it has none. */
export async function standingTraces(
  { parts, signal }: Pass,
  experimentIds: readonly string[],
): Promise<Standing | undefined> {
  const list = await parts.to.traces?.list(experimentIds, signal)
  if (list === undefined) return undefined
  const found: Standing = new Map()
  for await (const { id, info } of list) found.set(id, digestOf(comparable(info)))
  return found
}

/** What a trace says of itself in the names of the target. */
export function translated({ identities }: Pass, trace: Trace, experimentId: string): Trace {
  const value = (key: string, text: Json): Json => {
    if (RUNS.has(key)) return identities.run(String(text)) ?? text
    return MODELS.has(key) ? (identities.model(String(text)) ?? text) : text
  }
  const renamed = (of: Json | undefined): JsonObject =>
    Object.fromEntries(Object.entries((of ?? {}) as JsonObject).map(([key, text]) => [key, value(key, text)]))
  const { trace_metadata, assessments, ...info } = comparable(trace.info)
  const own = ((assessments ?? []) as readonly JsonObject[]).map(({ metadata, ...one }) =>
    metadata === undefined ? one : { ...one, metadata: renamed(metadata) },
  )
  const location = { type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: experimentId } }
  return {
    id: trace.id,
    experimentId,
    info: { ...info, trace_location: location, trace_metadata: renamed(trace_metadata), assessments: own },
  }
}

/** Without what each server says by itself. */
export function comparable(info: JsonObject): JsonObject {
  const carried = (of: Json | undefined): JsonObject =>
    Object.fromEntries(Object.entries((of ?? {}) as JsonObject).filter(([key]) => !SERVERS_OWN.has(key)))
  return {
    ...info,
    tags: carried(info['tags']),
    trace_metadata: carried(info['trace_metadata']),
    assessments: inOrder((info['assessments'] ?? []) as readonly JsonObject[]),
  }
}

/** Assessments come in no order. */
function inOrder(assessments: readonly JsonObject[]): readonly JsonObject[] {
  const id = (one: JsonObject) => String(one['assessment_id'])
  return assessments.toSorted((one, other) => (id(one) < id(other) ? -1 : 1))
}

function metadataOf(info: JsonObject): JsonObject {
  return (info['trace_metadata'] ?? {}) as JsonObject
}

export function digestOf(info: JsonObject): string {
  return createHash('sha256').update(canonical(info)).digest('hex')
}
