import type { Json, JsonObject } from '../../core/model.ts'
import type { ModelLink } from '../../mlflow/logged-models.ts'
import type { TrackedRun } from '../../mlflow/tracking.ts'

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
