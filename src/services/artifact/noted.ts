import type { Notes } from '../history-place.ts'
import { type JsonNote, jsonNote } from '../json-note.ts'
import type { Place } from '../service.ts'
import type { Shelf } from './owners.ts'
import type { ArtifactBody } from './schema.ts'

/** A file as it was last read, with its length as the server gives it. */
export type NotedFile = Pick<ArtifactBody, 'path' | 'length' | 'sha256'> & {
  readonly size: number
  /** Which bytes these were, where the place tells versions. */
  readonly version?: string | undefined
}

/** The files of one owner as they were last read. */
export interface Noted {
  readonly envelope: string
  readonly isOpen: boolean
  readonly files: readonly NotedFile[]
}

/** What is noted of one owner's files in one place. */
export function noted(notes: Notes, place: Place, { id }: Pick<Shelf, 'id'>): JsonNote<Noted> {
  return jsonNote(notes, `files ${place.workspace} ${id}`)
}
