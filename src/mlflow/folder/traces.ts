import { Fault } from '../../core/errors.ts'
import type { JsonObject } from '../../core/model.ts'
import type { Trace, TraceName, Traces } from '../traces.ts'
import type { Documents } from './documents.ts'
import { experimentAt } from './experiments.ts'
import { fileName } from './names.ts'

/** A trace's document. */
interface TraceContent extends Trace {
  readonly spans: readonly JsonObject[]
  /** Ids of the runs that it was linked to. */
  readonly runs?: readonly string[]
}

/** Documents of traces, by their ids where they were listed or written. */
interface TraceDocuments {
  list(experimentId: string): AsyncIterable<TraceContent>
  read(id: string): Promise<TraceContent | undefined>
  change(trace: Trace, become: (before: TraceContent) => TraceContent): Promise<void>
}

/** Traces in a folder, each with its spans in one document beside the runs of its experiment. */
export function folderTraces(documents: Documents): Traces {
  const traces = traceDocuments(documents)
  const { change } = traces

  async function* list(experimentIds: readonly string[], signal: AbortSignal): AsyncIterable<Trace> {
    for (const experimentId of experimentIds) {
      for await (const { id, info } of traces.list(experimentId)) {
        signal.throwIfAborted()
        yield { id, experimentId, info }
      }
    }
  }

  return {
    list: (experimentIds, signal) => Promise.resolve(list(experimentIds, signal)),
    trace: async (id) => {
      const found = await traces.read(id)
      return found && { id, info: found.info, experimentId: found.experimentId }
    },
    spans: async (id) => (await traces.read(id))?.spans ?? [],
    put: (trace) => change(trace, (before) => ({ ...before, info: trace.info })),
    // What a trace says of itself is replaced whole.
    deleteTag: () => Promise.resolve(),
    deleteAssessment: () => Promise.resolve(),
    putSpans: (trace, spans) =>
      change(trace, (before) => {
        const ids = new Set(spans.map((span) => span['span_id']))
        return { ...before, spans: [...before.spans.filter((span) => !ids.has(span['span_id'])), ...spans] }
      }),
    ...traceLinks(traces),
  }
}

function traceDocuments(documents: Documents): TraceDocuments {
  const where = new Map<string, string>()
  const folderOf = (experimentId: string) => `${experimentAt(experimentId)}/traces`
  const readAt = async (path: string) => (await documents.read(path)) as unknown as TraceContent | undefined
  return {
    list: async function* (experimentId) {
      const folder = folderOf(experimentId)
      for (const name of await documents.foldersIn(folder)) {
        const path = `${folder}/${name}/trace.json`
        const found = await readAt(path)
        if (found === undefined) continue
        where.set(found.id, path)
        yield found
      }
    },
    read: async (id) => {
      const path = where.get(id)
      return path === undefined ? undefined : readAt(path)
    },
    change: async ({ id, experimentId, info }, become) => {
      const path = `${folderOf(experimentId)}/${fileName(id)}/trace.json`
      await documents.change(path, (before) => {
        const fresh: TraceContent = { id, experimentId, info, spans: [] }
        return become((before as unknown as TraceContent | undefined) ?? fresh) as unknown as JsonObject
      })
      where.set(id, path)
    },
  }
}

/** Links are kept with the trace, and looked up by the run: each experiment is read through once. */
function traceLinks({
  list,
  read,
  change,
}: TraceDocuments): Pick<Traces, 'linked' | 'isLinked' | 'link' | 'linkPrompts'> {
  const all = new Map<string, Promise<Map<string, Set<string>>>>()

  async function readThrough(experimentId: string): Promise<Map<string, Set<string>>> {
    const found = new Map<string, Set<string>>()
    for await (const { id, runs } of list(experimentId)) for (const run of runs ?? []) note(found, run, id)
    return found
  }

  function linksIn(experimentId: string): Promise<Map<string, Set<string>>> {
    const found = all.get(experimentId) ?? readThrough(experimentId)
    all.set(experimentId, found)
    return found
  }

  return {
    linked: async (runId, experimentIds) => {
      const found: TraceName[] = []
      for (const experimentId of experimentIds) {
        for (const id of (await linksIn(experimentId)).get(runId) ?? []) found.push({ id, experimentId })
      }
      return found
    },
    isLinked: async (runId, { id }) => (await read(id))?.runs?.includes(runId) === true,
    // The tag says it.
    linkPrompts: () => Promise.resolve(),
    link: async (runId, traceIds) => {
      for (const id of traceIds) {
        const there = await read(id)
        if (there === undefined) throw absent(id)
        await change(there, (before) => ({ ...before, runs: [...new Set([...(before.runs ?? []), runId])] }))
        note(await linksIn(there.experimentId), runId, id)
      }
      return true
    },
  }
}

function note(links: Map<string, Set<string>>, run: string, trace: string): void {
  links.set(run, (links.get(run) ?? new Set()).add(trace))
}

function absent(id: string): Fault {
  return new Fault('azure/refused', `There is no trace ${id} in the folder`, { hint: 'Run it again.' })
}
