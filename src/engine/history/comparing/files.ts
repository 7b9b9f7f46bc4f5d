import type { Tell } from '../differences.ts'
import { digestOf, listed, type Shelf } from '../files.ts'
import type { Pass } from '../pass.ts'

/** Files at both ends. */
export interface Shelves {
  readonly from: Shelf
  readonly to: Shelf
}

/** Tells the files that are not the same, by their SHA-256. Returns how many there are at the source. */
export async function compareFiles(
  { signal, identities }: Pass,
  subject: string,
  { from, to }: Shelves,
  tell: Tell,
): Promise<number> {
  const sources = await listed(from, signal)
  const targets = new Set((await listed(to, signal)).map(({ path }) => path))
  for (const { path } of sources) {
    const wanted = await digestOf(from, path, { signal, rewritten: identities.rewritten })
    const found = targets.delete(path) ? await digestOf(to, path, { signal }) : null
    tell(subject, { [`file ${path}`]: wanted }, { [`file ${path}`]: found })
  }
  for (const path of targets) tell(subject, {}, { [`file ${path}`]: 'there' })
  return sources.length
}
