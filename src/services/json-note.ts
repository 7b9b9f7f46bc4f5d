import type { Notes } from './history-place.ts'

/** One thing that is remembered of a place, as JSON. Without notes nothing is. */
export interface JsonNote<T> {
  read(): T | undefined
  /** Writes nothing where the same is noted already. */
  write(value: T): void
  forget(): void
}

export function jsonNote<T>(notes: Notes | undefined, key: string): JsonNote<T> {
  return {
    read: () => {
      const text = notes?.get(key)
      return text === undefined ? undefined : (JSON.parse(text) as T)
    },
    write: (value) => {
      const text = JSON.stringify(value)
      if (text !== notes?.get(key)) notes?.put(key, text)
    },
    forget: () => notes?.forget(key),
  }
}
