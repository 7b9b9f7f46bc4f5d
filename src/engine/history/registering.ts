import { type Fault, isFault } from '../../core/errors.ts'
import type { ModelRegistry, ModelVersion, RegisteredModel } from '../../mlflow/registry.ts'
import type { Pair } from '../../mlflow/tracking.ts'
import type { Pass } from './pass.ts'
import { acquaintAll } from './recent.ts'
import { keptSource } from './sources.ts'

/** Tag by which a version says which version of the source it is a copy of. */
export const SOURCE_VERSION = 'holdfast.source_version'
/** Tag of a version that only keeps a number free, until what follows it is there. */
export const FILLER = 'holdfast.filler'
const OWN = new Set([SOURCE_VERSION, FILLER])
/** A gap that is wider is not kept: its numbers are mapped. */
const WIDEST_GAP = 1000

/** Uses up the numbers that the source has no versions under. Returns the last that was given. */
export async function keepGap(
  pass: Pass,
  target: ModelRegistry,
  { version, last, fillers }: { readonly version: ModelVersion; readonly last: number; readonly fillers: string[] },
): Promise<number> {
  const wanted = Number(version.version)
  let given = last
  if (wanted - last > WIDEST_GAP) return given
  while (given < wanted - 1) {
    const tags = [{ key: FILLER, value: 'true' }]
    const about = { source: keptSource(version.source), runId: '', runLink: '', modelId: '', description: '' }
    const filler = await target.createVersion({ name: version.name, ...about, tags }, pass.signal)
    fillers.push(filler.version)
    given = Number(filler.version)
  }
  return given
}

/**
 * `undefined` where the target takes it in no form, which costs this version only.
 *
 * @param isLast true where nothing that it may name comes after it
 */
export async function createVersion(
  pass: Pass,
  { target, isLast }: { readonly target: ModelRegistry; readonly isLast: boolean },
  version: ModelVersion,
): Promise<ModelVersion | undefined> {
  await acquaintAll(pass, `${version.source} ${version.runId}`)
  const mark = { key: SOURCE_VERSION, value: version.version }
  const wanted = renamed(pass, version)
  const forms = [
    { ...wanted, tags: [...carried(version.tags), mark] },
    // A tag that is refused must not cost the version, nor a source.
    { ...wanted, tags: [mark] },
    { ...wanted, tags: [mark], source: keptSource(wanted.source) },
  ]
  for (const [n, form] of forms.entries()) {
    try {
      return await target.createVersion(form, pass.signal)
    } catch (thrown) {
      if (!isFault(thrown, 'azure/refused') && !(isLast && isOfDeadSource(thrown))) throw thrown
      if (n < forms.length - 1) continue
      pass.troubles.push({ subject: subjectOf(version), code: thrown.code, message: thrown.message })
    }
  }
  return undefined
}

/**
 * What a server says, with 500 and before it writes anything, where the source is a version of another model, or a logged
 * model, that it does not have (`create_model_version` of `mlflow/store/model_registry/sqlalchemy_store.py`, 3.15).
 */
function isOfDeadSource(thrown: unknown): thrown is Fault {
  return isFault(thrown, 'azure/unreachable') && thrown.message.includes('Unable to fetch model from model URI')
}

/** A tag that is refused must not cost the model: it is kept later. */
export async function createModel(
  target: ModelRegistry,
  model: RegisteredModel,
  signal: AbortSignal,
): Promise<RegisteredModel> {
  try {
    await target.createModel(model, signal)
    return { ...model, aliases: [] }
  } catch (thrown) {
    if (!isFault(thrown, 'azure/refused') || model.tags.length === 0) throw thrown
    await target.createModel({ ...model, tags: [] }, signal)
    return { ...model, tags: [], aliases: [] }
  }
}

/** A version that names runs, logged models and files as the target does. */
export function renamed({ identities }: Pass, version: ModelVersion): ModelVersion {
  return {
    ...version,
    source: identities.rewritten(version.source),
    runId: identities.run(version.runId) ?? version.runId,
    modelId: identities.model(version.modelId) ?? '',
  }
}

export function subjectOf({ name, version }: ModelVersion): string {
  return `version ${version} of ${name}`
}

/** Tags of a version but those by which a copy is marked. */
export function carried(tags: readonly Pair[]): readonly Pair[] {
  return tags.filter(({ key }) => !OWN.has(key))
}
