import type { JsonObject } from '../../../core/model.ts'
import type { Trace } from '../../../mlflow/traces.ts'
import type { Tell } from '../differences.ts'
import { apart, type Pass } from '../pass.ts'
import { compareTraceLinks } from '../trace-links.ts'
import { comparable, digestOf, lackingSpans, standingTraces, takesTrace, targetIds, translated } from '../traces.ts'

/** Compares every trace of the source with its replica, spans and links too. Returns how many there are. */
export async function compareTraces(pass: Pass, tell: Tell): Promise<number> {
  const { parts, experiments, signal } = pass
  const sources = experiments.size === 0 ? undefined : await parts.from.traces?.list([...experiments.keys()], signal)
  if (sources === undefined) return 0
  const targets = await targetIds(pass)
  const standing = await standingTraces(pass, [...targets.values()])
  let count = 0
  const traced = new Set<string>()
  for await (const trace of sources) {
    traced.add(trace.experimentId)
    if (!takesTrace(pass, trace)) continue
    count += 1
    const experimentId = targets.get(experiments.get(trace.experimentId)?.name ?? '') ?? ''
    await apart(pass, `trace ${trace.id}`, async () => {
      const there = standing?.get(trace.id)
      if (there === undefined) tell(`trace ${trace.id}`, { trace: trace.id }, { trace: null })
      else await compareTrace(pass, { wanted: translated(pass, trace, experimentId), there }, tell)
    })
  }
  if (standing !== undefined) await compareTraceLinks(pass, traced, tell)
  return count
}

async function compareTrace(
  { parts, signal }: Pass,
  { wanted, there }: { readonly wanted: Trace; readonly there: string },
  tell: Tell,
): Promise<void> {
  const subject = `trace ${wanted.id}`
  if (digestOf(wanted.info) !== there) {
    const found = await parts.to.traces?.trace(wanted.id, signal)
    tell(subject, wanted.info, comparable(found?.info ?? {}))
  }
  const [here, theirs] = [
    (await parts.from.traces?.spans(wanted.id, signal)) ?? [],
    (await parts.to.traces?.spans(wanted.id, signal)) ?? [],
  ]
  const [lacking, extra] = [lackingSpans(here, theirs), lackingSpans(theirs, here)]
  if (lacking.length + extra.length > 0) tell(subject, { spans: names(lacking) }, { spans: names(extra) })
}

function names(spans: readonly JsonObject[]): readonly string[] {
  return spans.map(({ name, span_id }) => `${String(name)} (${String(span_id)})`)
}
