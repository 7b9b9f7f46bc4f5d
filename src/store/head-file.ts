import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Fault } from '../core/errors.ts'
import type { JournalHead } from './store.ts'

/** Bytes of one place in the file: each holds a head, and the older one is written over. */
const PLACE = 256
const PLACES = 2
const AFTER_NAME = '-head.'
/** Of a file that is not whole yet, which nobody takes for a head. */
const UNFINISHED = '-unfinished-head.'

/**
 * Keeps how far each journal of a store has come, in a file of its own beside it: `store.db-head.{protection}`.
 *
 * SQLite takes a log whose end is torn or gone for one that was never written. By this file it is found that
 * acknowledged records are missing. A head is written after its records are on disk, so it never tells of one that
 * is not there; and into the older of two places, so that a write that is cut off leaves the one before. The file gets its
 * name when its first head is on disk: an empty one is one that was cut off.
 */
export class HeadFiles {
  readonly #store: string
  readonly #open = new Map<string, number>()

  /** @param store path of the store's file */
  constructor(store: string) {
    this.#store = store
  }

  /** Every head that is kept, by protection. Throws `store/damaged` where a file has none that can be read. */
  heads(): ReadonlyMap<string, JournalHead> {
    if (!existsSync(dirname(this.#store))) return new Map()
    const begin = `${basename(this.#store)}${AFTER_NAME}`
    const names = readdirSync(dirname(this.#store)).filter((name) => name.startsWith(begin))
    return new Map(
      names.map((name) => {
        const protection = decodeURIComponent(name.slice(begin.length))
        const file = this.#file(protection)
        const latest = file === undefined ? undefined : newest(placesIn(file))
        if (latest !== undefined) return [protection, latest]
        throw new Fault('store/damaged', `${join(dirname(this.#store), name)} holds no head that can be read`, {
          hint: HINT,
        })
      }),
    )
  }

  /** Keeps a head; on disk when it returns. Callers take turns. */
  keep(protection: string, head: JournalHead): void {
    const file = this.#file(protection)
    if (file === undefined) {
      this.#begin(protection, head)
      return
    }
    const places = placesIn(file)
    const latest = newest(places)
    if (latest !== undefined && latest.seq >= head.seq) return
    write(file, head, latest !== undefined && places[0] === latest ? 1 : 0)
  }

  close(): void {
    for (const file of this.#open.values()) closeSync(file)
    this.#open.clear()
  }

  #begin(protection: string, head: JournalHead): void {
    const path = this.#path(UNFINISHED, protection)
    const file = openSync(path, 'w+', 0o600)
    try {
      write(file, head, 0)
      renameSync(path, this.#path(AFTER_NAME, protection))
      syncFolder(dirname(path))
    } catch (thrown) {
      closeSync(file)
      throw thrown
    }
    this.#open.set(protection, file)
  }

  /** `undefined` where no head was kept yet. */
  #file(protection: string): number | undefined {
    const path = this.#path(AFTER_NAME, protection)
    const known = this.#open.get(protection)
    if (known !== undefined || !existsSync(path)) return known
    const file = openSync(path, 'r+')
    this.#open.set(protection, file)
    syncFolder(dirname(path))
    return file
  }

  #path(after: string, protection: string): string {
    return `${this.#store}${after}${encodeURIComponent(protection)}`
  }
}

function placesIn(file: number): readonly (JournalHead | undefined)[] {
  const bytes = Buffer.alloc(PLACE * PLACES)
  readSync(file, bytes, 0, bytes.length, 0)
  return Array.from({ length: PLACES }, (_, n) => readHead(bytes.toString('latin1', n * PLACE, (n + 1) * PLACE)))
}

/** On disk when it returns. */
function write(file: number, head: JournalHead, place: number): void {
  const bytes = written(head)
  for (let at = 0; at < PLACE; ) at += writeSync(file, bytes, at, PLACE - at, place * PLACE + at)
  fdatasyncSync(file)
}

const HINT =
  'Put back a copy of the store with its head. Where an older copy is to do, remove the file that ends with its name.'

/** Says that a journal does not have the record that its head names. */
export function demandHead(protection: string, kept: JournalHead, there: JournalHead | undefined, last: number): void {
  if (there?.chain === kept.chain) return
  const is =
    last < kept.seq ? `ends with record ${last}: it was cut off` : 'has another one in its place: it was written anew'
  throw new Fault(
    'store/damaged',
    `Record ${kept.seq} of the journal of ${protection} was acknowledged, and the journal ${is}`,
    {
      facts: { seq: kept.seq, records: last },
      hint: HINT,
    },
  )
}

function newest(places: readonly (JournalHead | undefined)[]): JournalHead | undefined {
  return places.reduce((one, two) => ((two?.seq ?? 0) > (one?.seq ?? 0) ? two : one), undefined)
}

function written({ seq, chain }: JournalHead): Buffer {
  return Buffer.from(`${seq} ${chain} ${checksum(seq, chain)}`.padEnd(PLACE - 1).concat('\n'), 'latin1')
}

function readHead(text: string): JournalHead | undefined {
  const [, seq, chain, sum] = /^(\d+) ([0-9a-f]{64}) ([0-9a-f]{16}) *\n$/.exec(text) ?? []
  if (seq === undefined || chain === undefined || sum !== checksum(Number(seq), chain)) return undefined
  return { seq: Number(seq), chain }
}

function checksum(seq: number, chain: string): string {
  return createHash('sha256').update(`${seq} ${chain}`).digest('hex').slice(0, 16)
}

/** The name of a file is data of its folder, and whoever gave it may have been killed before it was on disk. */
function syncFolder(dir: string): void {
  const folder = openSync(dir, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
