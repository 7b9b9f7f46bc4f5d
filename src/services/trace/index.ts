import { createHash } from 'node:crypto'
import { sameJson } from '../../core/canonical.ts'
import { Fault } from '../../core/errors.ts'
import { type Address, type Item, type JsonObject, segmentsOf } from '../../core/model.ts'
import { awake } from '../../mlflow/awake.ts'
import { goneFrom, labelsOf, type Trace, writeTrace } from '../../mlflow/traces.ts'
import { ahead } from '../ahead.ts'
import type { Histories, HistoryNames } from '../history-names.ts'
import { experimentNames, type HistoryAccess } from '../history-place.ts'
import { jsonNote } from '../json-note.ts'
import type { Carriage, Place, Reach, Service } from '../service.ts'
import {
  isOpen,
  lackingSpans,
  renamedInfo,
  type SpanSum,
  sumOfSpans,
  type TraceBody,
  traceBody,
  traceItem,
  withTheirs,
} from './schema.ts'

/** Traces whose spans are read at once. */
const READS_AT_ONCE = 8

/** Traces of MLflow 3 with their spans and assessments. See ./readme.md. */
export function traces(histories: Histories): Service {
  return {
    kind: 'trace',
    needs: ['experiment', 'run', 'logged-model'],
    can: { converge: true, update: true, remove: false, acts: false, ordered: false },
    list: (place, reach) => list(histories, place, reach),
    read: (place, of, { signal }) => read(histories, place, { of, signal }),
    references: () => [],
    open: (body) => isOpen(traceBody(body).info),
    converge: (place, item, carriage) => become(histories, place, { item, carriage, choose: (_, theirs) => theirs }),
    mergeInto: (place, item, carriage) => become(histories, place, { item, carriage, choose: withTheirs }),
    remove: () => Promise.reject(new Fault('run/defect', 'A trace is never removed')),
  }
}

async function* list(histories: Histories, place: Place, { signal, afresh = false }: Reach): AsyncIterable<Item> {
  const history = histories.of(place)
  const experiments = await experimentNames(history, signal)
  if (experiments.size === 0) return
  const found = (await history.traces.list([...experiments.keys()], signal)) ?? []
  yield* ahead(READS_AT_ONCE, found, async (trace) => {
    const spans = await spansOf(history, trace, { place, signal, afresh })
    const experiment = experiments.get(trace.experimentId) ?? ''
    return itemOf(histories.namesOf(place), trace, { experiment, spans, signal })
  })
}

async function itemOf(
  names: HistoryNames,
  { id, info }: Trace,
  { experiment, spans, signal }: Pick<TraceBody, 'experiment' | 'spans'> & { readonly signal: AbortSignal },
): Promise<Item> {
  return traceItem({ experiment, id, info: await renamedInfo(info, (one) => names.shared(one, signal)), spans })
}

/** What the spans come to. Those of a trace that is over and shows no change are not read again. */
async function spansOf(
  { notes, traces: api }: HistoryAccess,
  { id, info }: Trace,
  { place, signal, afresh }: { readonly place: Place; readonly signal: AbortSignal; readonly afresh: boolean },
): Promise<SpanSum> {
  const memory = jsonNote<SpanSum & { readonly envelope: string }>(notes, `spans ${place.workspace} ${id}`)
  const envelope = createHash('sha256').update(JSON.stringify(info)).digest('hex')
  const before = afresh || isOpen(info) ? undefined : memory.read()
  if (before?.envelope === envelope) return { count: before.count, sha256: before.sha256 }
  const sum = sumOfSpans(await api.spans(id, signal))
  if (!isOpen(info)) memory.write({ ...sum, envelope })
  return sum
}

async function read(
  histories: Histories,
  place: Place,
  { of, signal }: { readonly of: Address; readonly signal: AbortSignal },
): Promise<Item | undefined> {
  const [experiment = '', id = ''] = segmentsOf(of)
  const { traces: api } = histories.of(place)
  const trace = await api.trace(id, signal)
  if (trace === undefined) return undefined
  const spans = sumOfSpans(await api.spans(id, signal))
  return itemOf(histories.namesOf(place), trace, { experiment, spans, signal })
}

interface Becoming {
  readonly item: Item
  readonly carriage: Carriage
  /** What a trace that stands here is to say, of what it says and what theirs says, both portable. */
  choose(ours: JsonObject, theirs: JsonObject): JsonObject
}

async function become(
  histories: Histories,
  place: Place,
  { item, carriage: { source, signal }, choose }: Becoming,
): Promise<Item> {
  const { experiment, id, info } = traceBody(item.body)
  const { tracking, traces: api } = histories.of(place)
  const names = histories.namesOf(place)
  const experimentId = (await tracking.experimentByName(experiment, signal))?.id
  if (experimentId === undefined) throw noExperiment(item.address, place)
  const there = await api.trace(id, signal)
  const ours = there && (await renamedInfo(there.info, (one) => names.shared(one, signal)))
  const meant = ours === undefined ? info : choose(ours, info)
  const spans = await histories.of(source).traces.spans(id, signal)
  const lacking = lackingSpans(spans, there === undefined ? [] : await api.spans(id, signal))
  const isSame = ours !== undefined && sameJson(ours, meant)
  const gone = goneFrom(labelsOf(ours ?? {}), labelsOf(meant))
  const own = await renamedInfo(meant, (one) => names.own(one, signal))
  const location = { type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: experimentId } }
  const trace = { id, experimentId, info: { ...own, trace_location: location } }
  if (!isSame || lacking.length > 0) {
    const change = { isSame, gone, lacking }
    await awake(tracking, experimentId, signal, () => writeTrace(api, trace, change, signal))
  }
  return (await read(histories, place, { of: item.address, signal })) ?? item
}

function noExperiment(of: Address, place: Place): Fault {
  return new Fault('azure/changed', `${place.location} has no experiment for ${of}`, {
    hint: 'Run it again: the experiment is carried first.',
  })
}
