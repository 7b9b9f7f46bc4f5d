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
    can: { converge: true, update: true, remove: true, acts: false, ordered: false },
    list: (place, { signal }) => list(histories.of(place), signal),
    read: (place, of, { signal }) => read(histories.of(place), of, signal),
    references: () => [],
    renamed,
    converge: (place, wanted, { signal }) => converge(histories.of(place), { place, wanted, signal }),
    mergeInto: (place, theirs, { signal }) => merge(histories.of(place), { place, wanted: theirs, signal }),
    remove: async (place, of, { signal }) => {
      const [name = '', alias = ''] = segmentsOf(of)
      if ((await read(histories.of(place), of, signal)) === undefined) return
      await histories.of(place).registry.deleteAlias(name, alias, signal)
    },
  }
}

async function* list(history: HistoryAccess, signal: AbortSignal): AsyncIterable<Item> {
  for await (const model of history.registry.models(signal)) yield* await aliasesOf(history, model, signal)
}

/** An alias whose version is gone is none: a server keeps it, and nobody can set it elsewhere. */
async function aliasesOf(
  { registry }: HistoryAccess,
  { name, aliases }: RegisteredModel,
  signal: AbortSignal,
): Promise<readonly Item[]> {
  if (aliases.length === 0) return []
  const shared = new Map([...(await numbersOf({ registry }, name, signal))].map(([number, own]) => [own, number]))
  return aliases.flatMap(({ key: alias, value }) => {
    const version = shared.get(value)
    return version === undefined ? [] : [modelAliasItem({ name, alias, version })]
  })
}

/** The numbers that versions have here, by those that both sides know. */
async function numbersOf(
  { registry }: Pick<HistoryAccess, 'registry'>,
  name: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const versions = await registry.versions(name, signal)
  return new Map(versions.filter((one) => !isFiller(one)).map((one) => [sharedVersion(one), one.version]))
}

async function read(history: HistoryAccess, of: Address, signal: AbortSignal): Promise<Item | undefined> {
  const model = await history.registry.model(segmentsOf(of)[0] ?? '', signal)
  const all = model === undefined ? [] : await aliasesOf(history, model, signal)
  return all.find(({ address }) => address === of)
}

interface Wanted {
  readonly place: Place
  readonly wanted: Item
  readonly signal: AbortSignal
}

async function converge(history: HistoryAccess, { place, wanted, signal }: Wanted): Promise<Item> {
  const there = await read(history, wanted.address, signal)
  if (there?.digest === wanted.digest) return there
  const body = modelAliasBody(wanted.body)
  const value = (await numbersOf(history, body.name, signal)).get(body.version)
  if (value === undefined) throw noVersion(place, body)
  await history.registry.setAlias(body.name, { key: body.alias, value }, signal)
  return (await read(history, wanted.address, signal)) ?? wanted
}

/**
 * Sets it where it is none. One that means another version there than here is nobody's to decide but a person's: what
 * serves by it would change without a word.
 *
 * @throws Fault `sync/conflict` that names both
 */
async function merge(history: HistoryAccess, asked: Wanted): Promise<Item> {
  const { wanted, signal } = asked
  const there = await read(history, wanted.address, signal)
  if (there === undefined) return converge(history, asked)
  if (there.digest === wanted.digest) return there
  throw conflict(modelAliasBody(wanted.body), modelAliasBody(there.body))
}

/** An alias goes with its version where that gets a number of its own. */
function renamed(body: JsonObject, renames: ReadonlyMap<Address, Address>): JsonObject {
  const { name, alias, version } = modelAliasBody(body)
  const to = renames.get(versionAddress(name, version))
  return { name, alias, version: to === undefined ? version : (segmentsOf(to)[1] ?? version) }
}

function conflict({ name, alias, version }: ModelAliasBody, ours: ModelAliasBody): Fault {
  const each = `${alias} means version ${version} there and ${ours.version} here`
  return new Fault('sync/conflict', `Both sides moved an alias of ${name}: ${each}`, {
    hint: 'Set it on the active side as it shall be, then let that stand with `holdfast resolve`.',
  })
}

function noVersion(place: Place, { name, alias, version }: ModelAliasBody): Fault {
  return new Fault('azure/changed', `${place.location} has no version ${version} of ${name} for the alias ${alias}`, {
    hint: 'Run it again: the version is carried first.',
  })
}
