import type { Links, LoggedModels, ModelLink } from '../../mlflow/logged-models.ts'
import type { TrackedRun } from '../../mlflow/tracking.ts'
import type { HistoryParts } from './parts.ts'
import type { Pass } from './pass.ts'

/** Those that are wanted and not there. */
export function missingLinks(wanted: Links, there: Links): Links {
  const missing = (all: readonly ModelLink[], found: readonly ModelLink[]) =>
    all.filter((one) => !found.some(({ modelId, step }) => modelId === one.modelId && step === one.step))
  return { read: missing(wanted.read, there.read), made: missing(wanted.made, there.made) }
}

/** A run with all that it says of logged models: a search does not tell which it read. */
export async function withModels({ parts, experiments, signal }: Pass, run: TrackedRun): Promise<TrackedRun> {
  const { models, tracking } = parts.from
  let known = holders.get(parts)
  if (known === undefined) {
    known = hasAny(models, [...experiments.keys()], signal)
    holders.set(parts, known)
    // What could not be found out is asked again.
    known.catch(() => holders.delete(parts))
  }
  return (await known) ? ((await tracking.run(run.info.run_id, signal)) ?? run) : run
}

/** Whether the source has logged models at all, asked once a pass. */
const holders = new WeakMap<HistoryParts, Promise<boolean>>()

async function hasAny(models: LoggedModels | undefined, ids: readonly string[], signal: AbortSignal): Promise<boolean> {
  const found = ids.length === 0 ? undefined : await models?.list(ids, signal)
  for await (const _ of found ?? []) return true
  return false
}
