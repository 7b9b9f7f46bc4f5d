import { Fault } from '../../core/errors.ts'
import type { Address, Item } from '../../core/model.ts'
import { ahead } from '../ahead.ts'
import type { Histories } from '../history-names.ts'
import type { Place, Reach } from '../service.ts'
import { isNaming, sumOf } from './content.ts'
import { type NotedFile, noted } from './noted.ts'
import { ownerNamed, owners, rootOf, type Shelf } from './owners.ts'
import { artifactItem, whereIs } from './schema.ts'

/** Owners whose files are listed at once. */
const OWNERS_AT_ONCE = 8

export async function* listFiles(histories: Histories, place: Place, reach: Reach): AsyncIterable<Item> {
  const found = owners(histories.of(place), histories.namesOf(place), reach.signal)
  const read = (shelf: Shelf) => filesOf(histories, { place, shelf, reach })
  for await (const items of ahead(OWNERS_AT_ONCE, found, read)) yield* items
}

interface Reading {
  readonly place: Place
  readonly shelf: Shelf
  readonly reach: Reach
}

/** Every file of one owner. What is noted of one that is closed and shows no change is not read again. */
async function filesOf(histories: Histories, { place, shelf, reach }: Reading): Promise<readonly Item[]> {
  const { artifacts, notes } = histories.of(place)
  const { signal, as, afresh } = reach
  if (!artifacts.reaches(shelf.root)) return [artifactItem(shelf, { path: '', length: 0, sha256: '' })]
  const memory = noted(notes, place, shelf)
  const before = afresh === true ? undefined : memory.read()
  if (before?.envelope === shelf.envelope && !shelf.isOpen) return before.files.map((file) => notedItem(shelf, file))
  const known = new Map(before?.files.map((file) => [file.path, file]))
  // An original that was open may have changed under the same length; a replica is written by Holdfast.
  const isTrusted = as === 'target' || before?.isOpen === false
  const now: NotedFile[] = []
  for await (const { path, length, origin } of artifacts.files(shelf.root, signal)) {
    // A description of a model is said in names, which can change without it.
    const [one, version] = [known.get(path), isNaming(path) ? undefined : origin?.version]
    const isSame = version === undefined || one?.version === undefined ? isTrusted : one.version === version
    if (isSame && one?.size === length) now.push(one)
    else now.push({ path, size: length, version, ...(await demandSum(histories, { place, shelf, reach }, path)) })
  }
  memory.write({ envelope: shelf.envelope, isOpen: shelf.isOpen, files: now })
  return now.map((file) => notedItem(shelf, file))
}

function notedItem(shelf: Shelf, { path, length, sha256 }: NotedFile): Item {
  return artifactItem(shelf, { path, length, sha256 })
}

async function demandSum(histories: Histories, reading: Reading, path: string) {
  const { place, shelf, reach } = reading
  const sum = await sumAt(histories, { place, root: shelf.root, signal: reach.signal }, path)
  if (sum === undefined) throw gone(`${shelf.root}/${path}`)
  return sum
}

async function sumAt(
  histories: Histories,
  { place, root, signal }: { readonly place: Place; readonly root: string; readonly signal: AbortSignal },
  path: string,
) {
  const bytes = await histories.of(place).artifacts.read(root, path, signal)
  return bytes && sumOf(path, bytes, { from: histories.namesOf(place), signal })
}

export async function readFile(
  histories: Histories,
  place: Place,
  { of, signal }: { readonly of: Address; readonly signal: AbortSignal },
): Promise<Item | undefined> {
  const { experiment, owner, path } = whereIs(of)
  const root = await rootOf(histories.namesOf(place), owner, signal)
  if (root === undefined || path === '' || !histories.of(place).artifacts.reaches(root)) return undefined
  const sum = await sumAt(histories, { place, root, signal }, path)
  return sum && artifactItem(ownerNamed({ experiment, owner }), { path, ...sum })
}

export function gone(what: string): Fault {
  return new Fault('blob/changed', `${what} went away while it was being read`, {
    hint: 'Nothing to do: the next pass sees what is there then.',
  })
}
