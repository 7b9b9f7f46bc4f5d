import { randomBytes } from 'node:crypto'

/** Azure takes no more of them in a blob (learn.microsoft.com, rest/api/storageservices/put-block-list). */
export const MOST_BLOCKS = 50_000
const AT_ONCE = 4

/**
 * Stages the pieces of one blob, several at once, and reads no further ahead than that. Returns the ids under which
 * they were staged, in order, to be committed: nothing is there until then. The first failure ends it, once what is
 * under way has ended.
 */
export async function staged<Piece>(
  pieces: AsyncIterable<Piece> | Iterable<Piece>,
  stage: (id: string, piece: Piece) => Promise<unknown>,
): Promise<readonly string[]> {
  const mark = randomBytes(8).toString('hex')
  const ids: string[] = []
  const underWay = new Set<Promise<void>>()
  const failures: unknown[] = []
  for await (const piece of pieces) {
    const id = Buffer.from(`${mark}-${String(ids.length).padStart(6, '0')}`).toString('base64')
    ids.push(id)
    const sent: Promise<void> = stage(id, piece)
      .then(
        () => undefined,
        (thrown: unknown) => void failures.push(thrown),
      )
      .finally(() => underWay.delete(sent))
    underWay.add(sent)
    if (underWay.size >= AT_ONCE) await Promise.race(underWay)
    if (failures.length > 0) break
  }
  await Promise.all(underWay)
  if (failures.length > 0) throw failures[0]
  return ids
}
