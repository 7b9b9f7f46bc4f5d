import { Fault } from '../../core/errors.ts'
import { type Address, type Item, type JsonObject, segmentsOf } from '../../core/model.ts'
import type { RegisteredModel } from '../../mlflow/registry.ts'
import type { Histories } from '../history-names.ts'
import type { HistoryAccess } from '../history-place.ts'
import type { Place, Service } from '../service.ts'
import { isFiller, sharedVersion, versionAddress } from '../shared-version.ts'
import { type ModelAliasBody, modelAliasBody, modelAliasItem } from './schema.ts'

/** The aliases of registered models, which mean one version each. See ./readme.md. */
export function modelAliases(histories: Histories): Service {
  return {
    kind: 'model-alias',
    needs: ['registered-model', 'model-version'],
    can: { converge: true, update: true, remove: false, acts: false, ordered: false },
    list: (place, { signal }) => list(histories.of(place), signal),
    read: async (place, of, { signal }) => (await standing(histories.of(place), { of, signal }))?.item,
    references: () => [],
    renamed,
    converge: (place, wanted, { signal }) => converge(histories.of(place), { place, wanted, signal }),
    mergeInto: (place, theirs, { signal }) => merge(histories.of(place), { place, wanted: theirs, signal }),
    remove: () => Promise.reject(new Fault('run/defect', 'The aliases of a model are never removed all together')),
  }
}

async function* list(history: HistoryAccess, signal: AbortSignal): AsyncIterable<Item> {
  for await (const model of history.registry.models(signal)) {
    yield modelAliasItem((await aliasesOf(history, model, signal)).body)
  }
}

interface Aliases {
  readonly body: ModelAliasBody
  /** The numbers that versions have here, by those that both sides know. */
  readonly numbers: ReadonlyMap<string, string>
}

/** An alias whose version is gone is none: a server keeps it, and nobody can set it elsewhere. */
async function aliasesOf({ registry }: HistoryAccess, model: RegisteredModel, signal: AbortSignal): Promise<Aliases> {
  const { name } = model
  if (model.aliases.length === 0) return { body: { name, aliases: {} }, numbers: new Map() }
  const numbers = await numbersOf({ registry }, name, signal)
  const shared = new Map([...numbers].map(([number, own]) => [own, number]))
  const living = model.aliases.flatMap(({ key, value }) => {
    const number = shared.get(value)
    return number === undefined ? [] : [[key, number] as const]
  })
  return { body: { name, aliases: Object.fromEntries(living) }, numbers }
}

async function numbersOf(
  { registry }: Pick<HistoryAccess, 'registry'>,
  name: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const versions = await registry.versions(name, signal)
  return new Map(versions.filter((one) => !isFiller(one)).map((one) => [sharedVersion(one), one.version]))
}

async function standing(
  history: HistoryAccess,
  { of, signal }: { readonly of: Address; readonly signal: AbortSignal },
): Promise<{ readonly item: Item; readonly body: ModelAliasBody } | undefined> {
  const model = await history.registry.model(segmentsOf(of)[0] ?? '', signal)
  if (model === undefined) return undefined
  const { body } = await aliasesOf(history, model, signal)
  return { item: modelAliasItem(body), body }
}

interface Wanted {
  readonly place: Place
  readonly wanted: Item
  readonly signal: AbortSignal
}

async function converge(history: HistoryAccess, { place, wanted, signal }: Wanted): Promise<Item> {
  const { name, aliases } = modelAliasBody(wanted.body)
  const there = (await standing(history, { of: wanted.address, signal }))?.body.aliases ?? {}
  const changed = Object.entries(aliases).filter(([alias, version]) => there[alias] !== version)
  await set(history, { place, name, aliases: changed, signal })
  for (const alias of Object.keys(there)) {
    if (!Object.hasOwn(aliases, alias)) await history.registry.deleteAlias(name, alias, signal)
  }
  return (await standing(history, { of: wanted.address, signal }))?.item ?? wanted
}

/**
 * Adds the aliases that only theirs has. One that means another version there than here is nobody's to decide but a
 * person's: what serves by it would change without a word.
 *
 * @throws Fault `sync/conflict` that names each of those
 */
async function merge(history: HistoryAccess, { place, wanted, signal }: Wanted): Promise<Item> {
  const { name, aliases } = modelAliasBody(wanted.body)
  const there = (await standing(history, { of: wanted.address, signal }))?.body.aliases ?? {}
  const added = Object.entries(aliases).filter(([alias]) => there[alias] === undefined)
  await set(history, { place, name, aliases: added, signal })
  const apart = Object.entries(aliases).filter(([alias, version]) => (there[alias] ?? version) !== version)
  if (apart.length > 0) throw conflict(name, apart, there)
  return (await standing(history, { of: wanted.address, signal }))?.item ?? wanted
}

interface Setting {
  readonly place: Place
  readonly name: string
  readonly aliases: readonly (readonly [string, string])[]
  readonly signal: AbortSignal
}

async function set(history: HistoryAccess, { place, name, aliases, signal }: Setting): Promise<void> {
  if (aliases.length === 0) return
  const numbers = await numbersOf(history, name, signal)
  for (const [alias, version] of aliases) {
    const value = numbers.get(version)
    if (value === undefined) throw noVersion(place, { name, alias, version })
    await history.registry.setAlias(name, { key: alias, value }, signal)
  }
}

/** Aliases that mean a version go with it where it gets a number of its own. */
function renamed(body: JsonObject, renames: ReadonlyMap<Address, Address>): JsonObject {
  const { name, aliases } = modelAliasBody(body)
  const moved = Object.entries(aliases).map(([alias, version]) => {
    const to = renames.get(versionAddress(name, version))
    return [alias, to === undefined ? version : (segmentsOf(to)[1] ?? version)]
  })
  return { name, aliases: Object.fromEntries(moved) }
}

function conflict(
  name: string,
  apart: readonly (readonly [string, string])[],
  ours: Readonly<Record<string, string>>,
): Fault {
  const each = apart.map(([alias, version]) => `${alias} means version ${version} there and ${ours[alias]} here`)
  return new Fault('sync/conflict', `Both sides moved an alias of ${name}: ${each.join(', ')}`, {
    hint: 'Set it on the active side as it shall be, then let that stand with `holdfast resolve`.',
  })
}

function noVersion(
  place: Place,
  { name, alias, version }: { readonly name: string; readonly alias: string; readonly version: string },
): Fault {
  return new Fault('azure/changed', `${place.location} has no version ${version} of ${name} for the alias ${alias}`, {
    hint: 'Run it again: the version is carried first.',
  })
}
