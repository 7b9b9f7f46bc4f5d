import { Fault } from '../core/errors.ts'
import type { LoggedModel } from '../mlflow/logged-models.ts'
import { type HistoryAccess, type Resident, sharedModelId } from './history-place.ts'
import type { Place } from './service.ts'

/** Ids of MLflow: a run's, and a logged model's with its prefix. */
const IDS = /\b(?:m-)?[0-9a-f]{32}\b/g
/** Before the id of an original whose replica has another in that place: not yet as it shall be. */
const UNRESOLVED = 'unresolved:'
const UNRESOLVED_ID = /unresolved:((?:m-)?[0-9a-f]{32})\b/g
/** Stands in portable text for the place where a run's or a logged model's files are. */
const FILES = /<<hf:files:((?:m-)?[0-9a-f]{32})>>/g

/**
 * What of a run history has another name in each place, since a server gives ids of its own: runs, logged models, and
 * where their files are. What is not known here is left as it is.
 */
export interface HistoryNames {
  /** The run that has this id here. */
  run(ownId: string, signal: AbortSignal): Promise<Resident | undefined>
  /** The run that both sides know by this id. */
  runOf(sharedId: string, signal: AbortSignal): Promise<Resident | undefined>
  model(ownId: string, signal: AbortSignal): Promise<LoggedModel | undefined>
  /** The logged model that both sides know by this id, as it was last seen. */
  modelOf(sharedId: string, signal: AbortSignal): Promise<LoggedModel | undefined>
  learnModel(model: LoggedModel): void
  /** The id under which both sides know a run or a logged model; marked where the replica here has another by now. */
  shared(ownId: string, signal: AbortSignal): Promise<string>
  /** The inverse of {@link shared}. */
  own(sharedId: string, signal: AbortSignal): Promise<string>
  portable(text: string, signal: AbortSignal): Promise<string>
  /** @throws Fault `plan/dangling-reference` where the text means files of something that is not here */
  local(text: string, signal: AbortSignal): Promise<string>
}

/** How a service reaches the run histories of both sides. */
export interface Histories {
  of(place: Place): HistoryAccess
  namesOf(place: Place): HistoryNames
}

/** Run histories with the names of each place, which are opened once. */
export function openHistories(historyOf: (place: Place) => HistoryAccess): Histories {
  return { of: historyOf, namesOf: namesBy(historyOf) }
}

function namesBy(historyOf: (place: Place) => HistoryAccess): (place: Place) => HistoryNames {
  const opened = new Map<string, HistoryNames>()
  return (place) => {
    const before = opened.get(place.workspace)
    if (before !== undefined) return before
    const names = openNames(historyOf(place), place.workspace)
    opened.set(place.workspace, names)
    return names
  }
}

interface Known {
  run(ownId: string, signal: AbortSignal): Promise<Resident | undefined>
  runOf(sharedId: string, signal: AbortSignal): Promise<Resident | undefined>
}

function knownRuns({ tracking, census }: HistoryAccess): Known {
  async function run(ownId: string, signal: AbortSignal): Promise<Resident | undefined> {
    const known = census.byId(ownId)
    if (known !== undefined) return known
    await tracking.run(ownId, signal)
    return census.byId(ownId)
  }
  async function runOf(sharedId: string, signal: AbortSignal): Promise<Resident | undefined> {
    const known = census.byShared(sharedId) ?? (await run(sharedId, signal))
    return known?.sharedId === sharedId ? known : undefined
  }
  return { run, runOf }
}

function knownModels({ models }: HistoryAccess): Pick<HistoryNames, 'model' | 'modelOf' | 'learnModel'> {
  const byId = new Map<string, LoggedModel>()
  const byShared = new Map<string, LoggedModel>()
  function learnModel(model: LoggedModel): void {
    byId.set(model.id, model)
    byShared.set(sharedModelId(model), model)
  }
  async function model(ownId: string, signal: AbortSignal): Promise<LoggedModel | undefined> {
    const known = byId.get(ownId)
    if (known !== undefined) return known
    const found = await models.model(ownId, signal)
    if (found !== undefined) learnModel(found)
    return found
  }
  async function modelOf(sharedId: string, signal: AbortSignal): Promise<LoggedModel | undefined> {
    const known = byShared.get(sharedId) ?? (await model(sharedId, signal))
    return known !== undefined && sharedModelId(known) === sharedId ? known : undefined
  }
  return { model, modelOf, learnModel }
}

function openNames(history: HistoryAccess, placeName: string): HistoryNames {
  const [runs, models] = [knownRuns(history), knownModels(history)]

  async function named(ownId: string, signal: AbortSignal): Promise<Named | undefined> {
    if (!isModel(ownId)) return runs.run(ownId, signal)
    const found = await models.model(ownId, signal)
    return found && namedModel(found)
  }

  async function namedOf(sharedId: string, signal: AbortSignal): Promise<Named | undefined> {
    if (!isModel(sharedId)) return runs.runOf(sharedId, signal)
    const found = await models.modelOf(sharedId, signal)
    return found && namedModel(found)
  }

  async function shared(ownId: string, signal: AbortSignal): Promise<string> {
    const found = await named(ownId, signal)
    if (found !== undefined) return found.sharedId
    return (await namedOf(ownId, signal)) === undefined ? ownId : unresolved(ownId)
  }

  async function own(sharedId: string, signal: AbortSignal): Promise<string> {
    const id = resolved(sharedId)
    return (await namedOf(id, signal))?.id ?? id
  }

  return {
    ...runs,
    ...models,
    shared,
    own,
    portable: (text, signal) =>
      portableText(text, { id: (id) => shared(id, signal), named: (id) => named(id, signal) }),
    local: (text, signal) => localText(text, { placeName, named: (id) => namedOf(id, signal) }),
  }
}

async function portableText(
  text: string,
  by: { id(ownId: string): Promise<string>; named(ownId: string): Promise<Named | undefined> },
): Promise<string> {
  let whole = text
  for (const id of new Set(text.match(IDS))) {
    const found = await by.named(id)
    if (found !== undefined && found.root !== '') {
      whole = whole.replaceAll(found.root, `<<hf:files:${found.sharedId}>>`)
    }
    const name = await by.id(id)
    if (name !== id) whole = whole.replaceAll(id, name)
  }
  return whole
}

async function localText(
  text: string,
  { placeName, named }: { readonly placeName: string; named(sharedId: string): Promise<Named | undefined> },
): Promise<string> {
  let whole = text.replaceAll(UNRESOLVED_ID, '$1')
  for (const id of new Set([...text.matchAll(FILES)].map(([, found = '']) => found))) {
    const found = await named(id)
    if (found === undefined) throw dangling(id, placeName)
    whole = whole.replaceAll(`<<hf:files:${id}>>`, found.root)
  }
  for (const id of new Set(text.match(IDS))) {
    const found = await named(id)
    if (found !== undefined && found.id !== id) whole = whole.replaceAll(id, found.id)
  }
  return whole
}

type Named = Pick<Resident, 'id' | 'sharedId' | 'root'>

function namedModel(model: LoggedModel): Named {
  return { id: model.id, sharedId: sharedModelId(model), root: model.location }
}

/** Marks the id of an original by which a place names what has another id there, so that it counts as a difference. */
export function unresolved(id: string): string {
  return UNRESOLVED + id
}

/** The id without that mark: what it means in any other place. */
export function resolved(id: string): string {
  return id.startsWith(UNRESOLVED) ? id.slice(UNRESOLVED.length) : id
}

export function isModel(id: string): boolean {
  return id.startsWith('m-')
}

function dangling(id: string, placeName: string): Fault {
  return new Fault('plan/dangling-reference', `${placeName} has no ${id}, whose files are named`, {
    hint: 'Look at what is said of that one, and run it again.',
  })
}
