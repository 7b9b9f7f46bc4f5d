import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { copyStore, linkFiles, removeAll, syncToDisk } from '../../state/copies.ts'
import { SCHEMA } from '../../state/database.ts'
import { Misuse } from '../control/control-call.ts'

/** What is told of a saved state. */
export interface SavedState {
  readonly name: string
  /** ISO instant in real time. */
  readonly savedAt: string
  readonly regions: readonly string[]
  readonly clockShiftMilliseconds: number
}

/** What stands beside the files of a saved state. */
interface Description extends Omit<SavedState, 'name'> {
  readonly schema: number
}

/** A name is a folder's: no separators, nothing hidden. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/i
const DESCRIPTION = 'saved.json'
/** No name begins so. */
const HALF = '.half-'
const REPLACED = '.replaced-'

/** The stores and files of an emulator, saved under names in a folder. */
export class SavedStates {
  readonly #dir: string
  readonly #folder: string
  readonly #regions: readonly string[]

  constructor(dir: string, regions: readonly string[]) {
    this.#dir = dir
    this.#folder = join(dir, 'saved')
    this.#regions = regions
  }

  /** All of them, by name. */
  list(): readonly SavedState[] {
    if (!existsSync(this.#folder)) return []
    const names = readdirSync(this.#folder).filter((name) => NAME.test(name))
    return names.sort().flatMap((name) => {
      const found = this.#described(name)
      if (found === undefined) return []
      const { savedAt, regions, clockShiftMilliseconds } = found
      return [{ name, savedAt, regions, clockShiftMilliseconds }]
    })
  }

  /** Refuses a name under which nothing can be saved. */
  admit(name: string, replace: boolean): void {
    needName(name)
    if (replace || !existsSync(join(this.#folder, name))) return
    throw new Misuse(409, `There is a saved state ${name} already. Replace it, or take another name.`)
  }

  /** Copies everything, which must stand still meanwhile. A save that breaks off leaves nothing under the name. */
  async save(name: string, clockShiftMilliseconds: number): Promise<void> {
    mkdirSync(this.#folder, { recursive: true })
    await this.#sweep()
    const half = join(this.#folder, `${HALF}${randomUUID()}`)
    const description: Description = {
      schema: SCHEMA,
      savedAt: new Date().toISOString(),
      regions: this.#regions,
      clockShiftMilliseconds,
    }
    try {
      await copyState(this.#dir, half, this.#regions)
      await writeFile(join(half, DESCRIPTION), JSON.stringify(description))
      await syncToDisk(join(half, DESCRIPTION))
      await syncToDisk(half)
      await this.#put(half, name)
    } catch (failure) {
      await removeAll(half)
      throw failure
    }
  }

  async remove(name: string): Promise<void> {
    this.#need(name)
    const gone = join(this.#folder, `${HALF}${randomUUID()}`)
    await rename(join(this.#folder, name), gone)
    await removeAll(gone)
  }

  /** Copies a saved state to a new folder. Refuses one that this emulator cannot take over. */
  async copyTo(name: string, to: string): Promise<void> {
    const { schema, regions } = this.#need(name)
    if (schema > SCHEMA) throw new Misuse(409, `The saved state ${name} is of a newer emulator. Use that one.`)
    if (regions.toSorted().join() !== this.#regions.toSorted().join()) {
      const [saved, own] = [regions, this.#regions].map((names) => names.join(', '))
      const hint = `Start it with --regions ${regions.join(',')}.`
      throw new Misuse(409, `The saved state ${name} has the regions ${saved}, and the emulator has ${own}. ${hint}`)
    }
    await copyState(join(this.#folder, name), to, this.#regions)
  }

  #need(name: string): Description {
    needName(name)
    const found = this.#described(name)
    if (found !== undefined) return found
    const names = this.list().map((one) => one.name)
    const there = names.length === 0 ? 'there is none' : `there are ${names.join(', ')}`
    throw new Misuse(404, `There is no saved state ${name}; ${there}.`)
  }

  #described(name: string): Description | undefined {
    const path = join(this.#folder, name, DESCRIPTION)
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Description) : undefined
  }

  /** Gives a whole folder its name; what had it before goes only when it stands there. */
  async #put(half: string, name: string): Promise<void> {
    const path = join(this.#folder, name)
    const before = join(this.#folder, `${REPLACED}${name}`)
    if (existsSync(path)) await rename(path, before)
    await rename(half, path)
    await syncToDisk(this.#folder)
    await removeAll(before)
  }

  /** Removes what a save that broke off has left, and puts back what it was about to replace. */
  async #sweep(): Promise<void> {
    this.restoreReplaced()
    for (const name of readdirSync(this.#folder)) {
      if (name.startsWith(HALF) || name.startsWith(REPLACED)) await removeAll(join(this.#folder, name))
    }
  }

  /** Puts back what a save that broke off was about to replace. To be called at a start. */
  restoreReplaced(): void {
    if (!existsSync(this.#folder)) return
    for (const entry of readdirSync(this.#folder)) {
      const name = entry.startsWith(REPLACED) ? entry.slice(REPLACED.length) : undefined
      if (name !== undefined && !existsSync(join(this.#folder, name))) {
        renameSync(join(this.#folder, entry), join(this.#folder, name))
      }
    }
  }
}

function needName(name: string): void {
  if (NAME.test(name)) return
  throw new Misuse(400, `\`${name}\` is no name: letters, digits, ., _ and -, at most 64, the first a letter or digit.`)
}

/** Copies the stores of front and regions, and the files of blobs, from a folder that is laid out as an emulator's. */
async function copyState(from: string, to: string, regions: readonly string[]): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 })
  await copyStore(join(from, 'front.db'), join(to, 'front.db'))
  for (const region of regions) {
    const [source, target] = [from, to].map((root) => join(root, 'regions', region)) as [string, string]
    await mkdir(target, { recursive: true })
    await copyStore(join(source, 'state.db'), join(target, 'state.db'))
    await linkFiles(join(source, 'blobs'), join(target, 'blobs'))
    await syncToDisk(target)
  }
  await syncToDisk(join(to, 'regions'))
  await syncToDisk(to)
}
