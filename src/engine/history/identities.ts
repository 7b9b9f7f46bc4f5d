import type { LoggedModel } from '../../mlflow/logged-models.ts'
import type { HistoryParts } from './parts.ts'

/** Ids of MLflow 2 and 3: a run's, and a logged model's with its prefix. */
const IDS = /\b(?:m-)?[0-9a-f]{32}\b/g

/** By what a logged model is named, and where its files are. */
type Named = Pick<LoggedModel, 'id' | 'location'>

/** What names things of the source, said in the names of the target. */
export interface Identities {
  /** The run's id at the target, or `undefined` while it is not there. */
  run(sourceId: string): string | undefined
  model(sourceId: string): string | undefined
  /** A text with every id and every place of files that is known replaced; others stay as they are. */
  rewritten(text: string): string
  learnModel(source: Named, target: Named): void
}

export function identities({ from, to }: Pick<HistoryParts, 'from' | 'to'>): Identities {
  const models = new Map<string, { readonly id: string; readonly was: string; readonly location: string }>()

  function resident(sourceId: string) {
    return to.census.byShared(from.census.byId(sourceId)?.sharedId ?? sourceId)
  }

  function rewritten(text: string): string {
    let whole = text
    for (const id of new Set(text.match(IDS))) {
      const model = models.get(id)
      if (model !== undefined) whole = whole.replaceAll(model.was, model.location).replaceAll(id, model.id)
      const [here, there] = [from.census.byId(id), resident(id)]
      if (here === undefined || there === undefined) continue
      if (here.root !== '' && there.root !== '') whole = whole.replaceAll(here.root, there.root)
      whole = whole.replaceAll(id, there.id)
    }
    return whole
  }

  return {
    run: (id) => resident(id)?.id,
    model: (id) => models.get(id)?.id,
    rewritten,
    learnModel: (source, target) =>
      void models.set(source.id, { id: target.id, was: source.location, location: target.location }),
  }
}
