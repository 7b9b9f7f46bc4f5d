import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BESIDE_STORE, removeAll, syncToDisk } from '../../state/copies.ts'

/**
 * How the state of an emulator is exchanged for another, so that a crash leaves the one or the other.
 *
 * The other state is laid out beside it, whole. That it is taken over is decided by one renaming; the steps after that
 * may each be done twice, and the next start does what is left of them.
 */

const LAID_OUT = '.loading'
const DECIDED = '.loaded'

/** Where the other state is to be laid out. Whatever was decided before must be done. */
export async function layOut(dir: string): Promise<string> {
  await cleanUp(dir)
  return join(dir, LAID_OUT)
}

/** Decides that what was laid out is the state from now on. Nothing may be open any more. */
export async function decide(dir: string): Promise<void> {
  await rename(join(dir, LAID_OUT), join(dir, DECIDED))
  await syncToDisk(dir)
}

/** Puts everything that was decided in its place. Nothing may be open; what stood there is kept for {@link cleanUp}. */
export async function takeOver(dir: string): Promise<void> {
  const from = join(dir, DECIDED)
  if (!existsSync(from)) return
  await exchangeStore(join(from, 'front.db'), join(dir, 'front.db'))
  for (const region of await readdir(join(from, 'regions'))) {
    const [source, target] = [from, dir].map((root) => join(root, 'regions', region)) as [string, string]
    await mkdir(target, { recursive: true })
    await exchangeStore(join(source, 'state.db'), join(target, 'state.db'))
    await exchangeFolder(join(source, 'blobs'), join(target, 'blobs'))
  }
}

/** Removes what was laid out and not decided, and what a state that was taken over has replaced. */
export async function cleanUp(dir: string): Promise<void> {
  const [laidOut, decided] = [join(dir, LAID_OUT), join(dir, DECIDED)]
  await removeAll(laidOut)
  if (!existsSync(decided)) return
  // Half of what was decided must not be met by the next start.
  await rename(decided, laidOut)
  await removeAll(laidOut)
}

/** A store that is not there any more has been put in its place before. */
async function exchangeStore(from: string, to: string): Promise<void> {
  if (!existsSync(from)) return
  // A log of the store before would be taken for one of this.
  for (const beside of BESIDE_STORE) await rm(`${to}${beside}`, { force: true })
  await syncToDisk(dirname(to))
  await rename(from, to)
  await syncToDisk(dirname(to))
}

async function exchangeFolder(from: string, to: string): Promise<void> {
  if (!existsSync(from)) return
  if (existsSync(to)) {
    await removeAll(`${from}-before`)
    await rename(to, `${from}-before`)
  }
  await rename(from, to)
  await syncToDisk(dirname(to))
}
