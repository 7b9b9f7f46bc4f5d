import { Fault } from '../../core/errors.ts'
import { type Address, address, type Item, segmentsOf } from '../../core/model.ts'
import type { ModelVersion } from '../../mlflow/registry.ts'
import type { Pair } from '../../mlflow/tracking.ts'
import type { Histories } from '../history-names.ts'
import { type HistoryAccess, sharedModelId } from '../history-place.ts'
import type { Place, Service } from '../service.ts'
import { isFiller, sharedVersion } from '../shared-version.ts'
import { createUnderNumber } from './numbers.ts'
import { frozenPart, modelVersionBody, modelVersionItem } from './schema.ts'

/** Versions of registered models, with their stages. See ./readme.md. */
export function modelVersions(histories: Histories): Service {
  return {
    kind: 'model-version',
    needs: ['registered-model', 'run', 'logged-model', 'artifact'],
    can: { converge: true, update: true, remove: false, acts: false, ordered: true },
    list: (place, { signal }) => list(histories, place, signal),
    read: (place, of, { signal }) => read(histories, place, { of, signal }),
    references: () => [],
    frozen: frozenPart,
    converge: (place, wanted, { signal }) => converge(histories, place, { wanted, signal }),
    mergeInto: (place, wanted, { signal }) => merge(histories, place, { wanted, signal }),
    remove: () => Promise.reject(new Fault('run/defect', 'A version of a registered model is never removed')),
  }
}

async function* list(histories: Histories, place: Place, signal: AbortSignal): AsyncIterable<Item> {
  const { registry } = histories.of(place)
  for await (const { name } of registry.models(signal)) {
    for (const version of await registry.versions(name, signal)) {
      if (!isFiller(version)) yield await itemOf(histories, place, { version, signal })
    }
  }
}

async function itemOf(
  histories: Histories,
  place: Place,
  { version, signal }: { readonly version: ModelVersion; readonly signal: AbortSignal },
): Promise<Item> {
  const names = histories.namesOf(place)
  return modelVersionItem({
    version,
    source: await names.portable(version.source, signal),
    run: version.runId === '' ? '' : await names.shared(version.runId, signal),
    model: version.modelId === '' ? '' : await names.shared(version.modelId, signal),
    needs: await needsOf(histories, place, { version, signal }),
  })
}

/** Items of the run and of the logged model that a version was made of, where they stand. */
async function needsOf(
  histories: Histories,
  place: Place,
  { version, signal }: { readonly version: ModelVersion; readonly signal: AbortSignal },
): Promise<readonly Address[]> {
  const names = histories.namesOf(place)
  const run = version.runId === '' ? undefined : await names.run(version.runId, signal)
  const model = version.modelId === '' ? undefined : await names.model(version.modelId, signal)
  const needs: Address[] = []
  const lean = async (kind: 'run' | 'logged-model', experimentId: string, id: string) => {
    const experiment = await histories.of(place).tracking.experiment(experimentId, signal)
    if (experiment !== undefined) needs.push(address(kind, experiment.name, id))
  }
  if (run !== undefined) await lean('run', run.experimentId, run.sharedId)
  if (model !== undefined) await lean('logged-model', model.experimentId, sharedModelId(model))
  return needs
}

interface Wanted {
  readonly wanted: Item
  readonly signal: AbortSignal
}

async function find(
  { registry }: HistoryAccess,
  { of, signal }: { readonly of: Address; readonly signal: AbortSignal },
): Promise<ModelVersion | undefined> {
  const [name = '', number = ''] = segmentsOf(of)
  const all = await registry.versions(name, signal)
  return all.find((one) => !isFiller(one) && sharedVersion(one) === number)
}

async function read(
  histories: Histories,
  place: Place,
  { of, signal }: { readonly of: Address; readonly signal: AbortSignal },
): Promise<Item | undefined> {
  const found = await find(histories.of(place), { of, signal })
  return found && itemOf(histories, place, { version: found, signal })
}

async function converge(histories: Histories, place: Place, { wanted, signal }: Wanted): Promise<Item> {
  const of = wanted.address
  const history = histories.of(place)
  const { registry } = history
  const body = modelVersionBody(wanted.body)
  const there = (await find(history, { of, signal })) ?? (await create(histories, place, { wanted, signal }))
  const { name, version } = there
  const key = { name, version }
  if (there.description !== body.description) await registry.describeVersion(key, body.description, signal)
  if (there.stage !== body.stage) await registry.setStage(key, body.stage, signal)
  const stands = modelVersionBody((await itemOf(histories, place, { version: there, signal })).body)
  for (const tag of pairsOf(body.tags)) {
    if (stands.tags[tag.key] !== tag.value) await registry.setVersionTag(key, tag, signal)
  }
  for (const tag of Object.keys(stands.tags)) {
    if (!Object.hasOwn(body.tags, tag)) await registry.deleteVersionTag(key, tag, signal)
  }
  return (await read(histories, place, { of, signal })) ?? wanted
}

/** Adds what only theirs says: nothing that stands is changed. */
async function merge(histories: Histories, place: Place, { wanted, signal }: Wanted): Promise<Item> {
  const of = wanted.address
  const history = histories.of(place)
  const there = await find(history, { of, signal })
  if (there === undefined) return converge(histories, place, { wanted, signal })
  const { registry } = history
  const body = modelVersionBody(wanted.body)
  const { name, version } = there
  const key = { name, version }
  if (there.description === '' && body.description !== '') {
    await registry.describeVersion(key, body.description, signal)
  }
  const has = new Set(there.tags.map((tag) => tag.key))
  for (const tag of pairsOf(body.tags)) if (!has.has(tag.key)) await registry.setVersionTag(key, tag, signal)
  return (await read(histories, place, { of, signal })) ?? wanted
}

async function create(
  histories: Histories,
  place: Place,
  { wanted: { address: of, body: portable }, signal }: Wanted,
): Promise<ModelVersion> {
  const body = modelVersionBody(portable)
  const names = histories.namesOf(place)
  const { registry } = histories.of(place)
  const { name, runLink, description } = body
  const wanted = {
    name,
    source: await names.local(body.source, signal),
    runId: body.run === '' ? '' : await names.own(body.run, signal),
    modelId: body.model === '' ? '' : await names.own(body.model, signal),
    runLink,
    description,
    tags: pairsOf(body.tags),
  }
  return createUnderNumber(registry, { number: segmentsOf(of)[1] ?? '', wanted, signal })
}

function pairsOf(values: Readonly<Record<string, string>>): readonly Pair[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }))
}
