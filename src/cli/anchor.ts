import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JournalHead, Store } from '../store/store.ts'

/** The last head that was kept beside the journal, or `undefined`. */
export async function readAnchor(dir: string): Promise<JournalHead | undefined> {
  const text = await readFile(join(dir, 'head.json'), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    const { seq, chain } = JSON.parse(text) as JournalHead
    return { seq, chain }
  } catch {
    // Torn or written by hand: it can vouch for nothing, and says so by matching no record.
    return { seq: 0, chain: 'unreadable' }
  }
}

/**
 * Keeps the head of a journal beside it, so that a journal that is cut off or put back is found. One that does not
 * follow from the head that was kept leaves that as it is.
 */
export async function keepAnchor(store: Store, protection: string, dir: string): Promise<void> {
  const [kept, head] = [await readAnchor(dir), await store.head(protection)]
  if (head === undefined || head.chain === kept?.chain) return
  if (kept !== undefined && (await store.head(protection, kept.seq))?.chain !== kept.chain) return
  const fresh = join(dir, `head.json.${process.pid}`)
  await writeFile(fresh, `${JSON.stringify(head)}\n`)
  await rename(fresh, join(dir, 'head.json'))
}
