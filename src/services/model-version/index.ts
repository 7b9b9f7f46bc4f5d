import { Fault } from '../../core/errors.ts'
import { type Address, address, type Item, segmentsOf } from '../../core/model.ts'
import type { ModelRegistry, ModelVersion, RegisteredModel, VersionKey } from '../../mlflow/registry.ts'
import type { Pair } from '../../mlflow/tracking.ts'
import type { Histories } from '../history-names.ts'
import { type HistoryAccess, sharedModelId } from '../history-place.ts'
import type { Place, Service } from '../service.ts'
import { createUnderNumber } from './numbers.ts'
import {
  frozenPart,
  isFiller,
  type ModelVersionBody,
  modelVersionBody,
  modelVersionItem,
  sharedVersion,
} from './schema.ts'

/** Versions of registered models, with their stages and the aliases that mean them. See ./readme.md. */
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
  for await (const model of registry.models(signal)) {
    for (const version of await registry.versions(model.name, signal)) {
      if (!isFiller(version)) yield await itemOf(histories, place, { model, version, signal })
    }
  }
}

async function itemOf(
  histories: Histories,
  place: Place,
  { model, version, signal }: Found & { readonly signal: AbortSignal },
): Promise<Item> {
  const names = histories.namesOf(place)
  return modelVersionItem({
    version,
    source: await names.portable(version.source, signal),
    run: version.runId === '' ? '' : await names.shared(version.runId, signal),
    model: version.modelId === '' ? '' : await names.shared(version.modelId, signal),
    aliases: model.aliases.flatMap(({ key, value }) => (value === version.version ? [key] : [])),
    needs: await needsOf(histories, place, { version, signal }),
  })
}

/** Items of the run and of the logged model that a version was made of, where they stand. */
async function needsOf(
  histories: Histories,
  place: Place,
  { version, signal }: Pick<Found, 'version'> & { readonly signal: AbortSignal },
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
): Promise<Found | undefined> {
  const [name = '', number = ''] = segmentsOf(of)
  const model = await registry.model(name, signal)
  if (model === undefined) return undefined
  const all = (await registry.versions(name, signal)).filter((one) => !isFiller(one))
  const version = all.find((one) => sharedVersion(one) === number)
  return version && { model, version }
}

async function read(
  histories: Histories,
  place: Place,
  { of, signal }: { readonly of: Address; readonly signal: AbortSignal },
): Promise<Item | undefined> {
  const found = await find(histories.of(place), { of, signal })
  return found && itemOf(histories, place, { ...found, signal })
}

async function converge(histories: Histories, place: Place, { wanted, signal }: Wanted): Promise<Item> {
  const of = wanted.address
  const history = histories.of(place)
  const { registry } = history
  const body = modelVersionBody(wanted.body)
  const there = (await find(history, { of, signal })) ?? (await create(histories, place, { wanted, signal }))
  const { name, version } = there.version
  const key = { name, version }
  if (there.version.description !== body.description) await registry.describeVersion(key, body.description, signal)
  if (there.version.stage !== body.stage) await registry.setStage(key, body.stage, signal)
  const stands = modelVersionBody((await itemOf(histories, place, { ...there, signal })).body)
  for (const tag of pairsOf(body.tags)) {
    if (stands.tags[tag.key] !== tag.value) await registry.setVersionTag(key, tag, signal)
  }
  for (const tag of Object.keys(stands.tags)) {
    if (!Object.hasOwn(body.tags, tag)) await registry.deleteVersionTag(key, tag, signal)
  }
  await becomeAliases(registry, { key, model: there.model, wanted: body.aliases, stands: stands.aliases, signal })
  return (await read(histories, place, { of, signal })) ?? wanted
}

interface AliasChange {
  readonly key: VersionKey
  readonly model: RegisteredModel
  readonly wanted: readonly string[]
  readonly stands: readonly string[]
  readonly signal: AbortSignal
}

async function becomeAliases(registry: ModelRegistry, change: AliasChange): Promise<void> {
  const { key, model, wanted, stands, signal } = change
  for (const alias of wanted) {
    if (!means(model, alias, key.version)) await registry.setAlias(key.name, { key: alias, value: key.version }, signal)
  }
  for (const alias of stands) {
    // Another version may have it by now.
    const isOurs = !wanted.includes(alias) && means(await registry.model(key.name, signal), alias, key.version)
    if (isOurs) await registry.deleteAlias(key.name, alias, signal)
  }
}

/** Adds what only theirs says: nothing that stands is changed, and an alias that another version has stays there. */
async function merge(histories: Histories, place: Place, { wanted, signal }: Wanted): Promise<Item> {
  const of = wanted.address
  const history = histories.of(place)
  const there = await find(history, { of, signal })
  if (there === undefined) return converge(histories, place, { wanted, signal })
  const { registry } = history
  const body = modelVersionBody(wanted.body)
  const { name, version } = there.version
  const key = { name, version }
  if (there.version.description === '' && body.description !== '') {
    await registry.describeVersion(key, body.description, signal)
  }
  const has = new Set(there.version.tags.map((tag) => tag.key))
  for (const tag of pairsOf(body.tags)) if (!has.has(tag.key)) await registry.setVersionTag(key, tag, signal)
  const taken = new Set(there.model.aliases.map((alias) => alias.key))
  for (const alias of body.aliases) {
    if (!taken.has(alias)) await registry.setAlias(name, { key: alias, value: version }, signal)
  }
  return (await read(histories, place, { of, signal })) ?? wanted
}

async function create(
  histories: Histories,
  place: Place,
  { wanted: { address: of, body: portable }, signal }: Wanted,
): Promise<Found> {
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
  const version = await createUnderNumber(registry, { number: segmentsOf(of)[1] ?? '', wanted, signal })
  const model = await registry.model(name, signal)
  if (model === undefined) throw gone(body)
  return { model, version }
}

function pairsOf(values: Readonly<Record<string, string>>): readonly Pair[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }))
}

interface Found {
  readonly model: RegisteredModel
  readonly version: ModelVersion
}

function means(model: RegisteredModel | undefined, alias: string, version: string): boolean {
  return model?.aliases.some(({ key, value }) => key === alias && value === version) === true
}

function gone({ name }: ModelVersionBody): Fault {
  return new Fault('azure/changed', `The registered model ${name} went away`, { hint: 'Run it again.' })
}
