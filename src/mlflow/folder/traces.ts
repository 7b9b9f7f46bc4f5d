import type { JsonObject } from '../../core/model.ts'
import type { Trace, Traces } from '../traces.ts'
import type { Documents } from './documents.ts'
import { experimentAt } from './experiments.ts'
import { fileName } from './names.ts'

/** A trace's document. */
interface TraceContent extends Trace {
  readonly spans: readonly JsonObject[]
}

/** Traces in a folder, each with its spans in one document beside the runs of its experiment. */
export function folderTraces(documents: Documents): Traces {
  /** Where each trace is that was listed or written. */
  const where = new Map<string, string>()
  const folderOf = (experimentId: string) => `${experimentAt(experimentId)}/traces`

  async function* list(experimentIds: readonly string[], signal: AbortSignal): AsyncIterable<Trace> {
    for (const experimentId of experimentIds) {
      const folder = folderOf(experimentId)
      for (const name of await documents.foldersIn(folder)) {
        signal.throwIfAborted()
        const path = `${folder}/${name}/trace.json`
        const found = (await documents.read(path)) as unknown as TraceContent | undefined
        if (found === undefined) continue
        where.set(found.id, path)
        yield { id: found.id, experimentId, info: found.info }
      }
    }
  }

  async function change({ id, experimentId, info }: Trace, become: (before: TraceContent) => TraceContent) {
    const path = `${folderOf(experimentId)}/${fileName(id)}/trace.json`
    await documents.change(path, (before) => {
      const fresh: TraceContent = { id, experimentId, info, spans: [] }
      return become((before as unknown as TraceContent | undefined) ?? fresh) as unknown as JsonObject
    })
    where.set(id, path)
  }

  return {
    list: (experimentIds, signal) => Promise.resolve(list(experimentIds, signal)),
    trace: async (id) => {
      const path = where.get(id)
      const found = path === undefined ? undefined : await documents.read(path)
      if (path === undefined || found === undefined) return undefined
      const { info, experimentId } = found as unknown as TraceContent
      return { id, info, experimentId }
    },
    spans: async (id) => {
      const path = where.get(id)
      const found = path === undefined ? undefined : await documents.read(path)
      return (found as unknown as TraceContent | undefined)?.spans ?? []
    },
    put: (trace) => change(trace, (before) => ({ ...before, info: trace.info })),
    // What a trace says of itself is replaced whole.
    deleteTag: () => Promise.resolve(),
    deleteAssessment: () => Promise.resolve(),
    putSpans: (trace, spans) =>
      change(trace, (before) => {
        const ids = new Set(spans.map((span) => span['span_id']))
        return { ...before, spans: [...before.spans.filter((span) => !ids.has(span['span_id'])), ...spans] }
      }),
  }
}
