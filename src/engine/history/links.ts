import type { Json, JsonObject } from '../../core/model.ts'
import type { LoggedModels, ModelLink } from '../../mlflow/logged-models.ts'
import type { TrackedRun } from '../../mlflow/tracking.ts'
import type { HistoryParts } from './parts.ts'
import type { Pass } from './pass.ts'

/** Logged models that a run read and made. */
export interface Links {
  readonly read: readonly ModelLink[]
  readonly made: readonly ModelLink[]
}

export function linksOf({ inputs, outputs }: TrackedRun): Links {
  return { read: linksIn(inputs, 'model_inputs'), made: linksIn(outputs, 'model_outputs') }
}

/** Those that are wanted and not there. */
export function missingLinks(wanted: Links, there: Links): Links {
  const missing = (all: readonly ModelLink[], found: readonly ModelLink[]) =>
    all.filter((one) => !found.some(({ modelId, step }) => modelId === one.modelId && step === one.step))
  return { read: missing(wanted.read, there.read), made: missing(wanted.made, there.made) }
}

function linksIn(of: Json | undefined, field: 'model_inputs' | 'model_outputs'): readonly ModelLink[] {
  const found = (of as JsonObject | null | undefined)?.[field]
  const links = Array.isArray(found) ? (found as readonly JsonObject[]) : []
  return links.map((one) => ({ modelId: String(one['model_id']), step: Number(one['step'] ?? 0) }))
}

/** A run with all that it says of logged models: a search does not tell which it read. */
export async function withModels({ parts, experiments, signal }: Pass, run: TrackedRun): Promise<TrackedRun> {
  const { models, tracking } = parts.from
  let known = holders.get(parts)
  if (known === undefined) {
    known = hasAny(models, [...experiments.keys()], signal)
    holders.set(parts, known)
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
