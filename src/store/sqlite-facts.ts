import type { JsonObject } from '../core/model.ts'
import type { SqliteFile } from './sqlite-file.ts'
import type { Leases } from './sqlite-leases.ts'
import { changedLater, sumOfWord } from './sqlite-sums.ts'
import type { Lease, Store, Word } from './store.ts'

/** The small facts of a store. */
export function factsIn(file: SqliteFile, leases: Leases): Pick<Store, 'fact' | 'setFact'> {
  return {
    fact: async (protection: string, name: string): Promise<JsonObject | undefined> =>
      file.reading(() => {
        leases.demandFacts(protection)
        const sql = 'SELECT value FROM facts WHERE protection = ? AND name = ?'
        const row = file.get<{ value: string }>(sql, protection, name)
        return row === undefined ? undefined : JSON.parse(row.value)
      }),
    setFact: async (lease: Lease, name: string, value: JsonObject): Promise<void> =>
      file.transaction(() => {
        leases.demand(lease)
        leases.demandFacts(lease.protection)
        const sql = 'INSERT OR REPLACE INTO facts (protection, name, value) VALUES (?, ?, ?)'
        file.run(sql, lease.protection, name, JSON.stringify(value))
        leases.factsSet(lease.protection)
      }),
  }
}

/** The words of a store. */
export interface Words extends Pick<Store, 'leave' | 'words' | 'withdraw'> {
  /** Takes one away. False where it is gone already. For use within a transaction. */
  take(protection: string, word: string): boolean
}

export function wordsIn(file: SqliteFile): Words {
  const take = (protection: string, word: string) =>
    file.run('DELETE FROM words WHERE protection = ? AND id = ?', protection, word) > 0
  return {
    take,
    leave: async (protection, { id, ...rest }) => {
      const row = { protection, id, word: JSON.stringify(rest) }
      const sql = 'INSERT OR IGNORE INTO words (protection, id, word, sum) VALUES (?, ?, ?, ?)'
      file.run(sql, protection, id, row.word, sumOfWord(row))
    },
    words: async (protection) => {
      const sql = 'SELECT id, word, sum FROM words WHERE protection = ? ORDER BY rowid'
      return file.all<{ id: string; word: string; sum: string }>(sql, protection).map(({ id, word, sum }) => {
        if (sum !== sumOfWord({ protection, id, word })) throw changedLater(`A word to whoever holds ${protection}`)
        return { id, ...(JSON.parse(word) as Omit<Word, 'id'>) }
      })
    },
    withdraw: async (protection, word) => take(protection, word),
  }
}
