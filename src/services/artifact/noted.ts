import type { Notes } from '../history-place.ts'
import type { Place } from '../service.ts'
import type { Shelf } from './owners.ts'
import type { ArtifactBody } from './schema.ts'

/** A file as it was last read, with its length as the server gives it. */
export type NotedFile = Pick<ArtifactBody, 'path' | 'length' | 'sha256'> & { readonly size: number }

/** The files of one owner as they were last read. */
export interface Noted {
  readonly envelope: string
  readonly isOpen: boolean
  readonly files: readonly NotedFile[]
}

/** What is noted of one owner's files in one place. */
export function noted(notes: Notes, place: Place, { id }: Pick<Shelf, 'id'>) {
  const key = `files ${place.workspace} ${id}`
  return {
    read: (): Noted | undefined => {
      const text = notes.get(key)
      return text === undefined ? undefined : (JSON.parse(text) as Noted)
    },
    write: (now: Noted) => {
      const text = JSON.stringify(now)
      if (text !== notes.get(key)) notes.put(key, text)
    },
    forget: () => notes.forget(key),
  }
}
