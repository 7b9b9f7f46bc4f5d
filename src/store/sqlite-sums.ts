import { createHash } from 'node:crypto'
import { Fault } from '../core/errors.ts'
import type { SqliteFile } from './sqlite-file.ts'

/** Sums by which a change of what was written is noticed: SHA-256 over all that belongs together. */

export interface SummedLease {
  readonly protection: string
  readonly holder: string
  readonly epoch: number
  readonly boot: string
  /** Sum of all facts of the protection, so that none can change, vanish or come to be. */
  readonly facts: string
}

export function sumOfLease({ protection, holder, epoch, boot, facts }: SummedLease): string {
  return sumOf(protection, holder, epoch, boot, facts)
}

export function sumOfWord(row: { readonly protection: string; readonly id: string; readonly word: string }): string {
  return sumOf(row.protection, row.id, row.word)
}

export function sumOfFacts(file: SqliteFile, protection: string): string {
  const sql = 'SELECT name, value FROM facts WHERE protection = ? ORDER BY name'
  const rows = file.all<{ name: string; value: string }>(sql, protection)
  return sumOf(...rows.flatMap(({ name, value }) => [name, value]))
}

/** The sum where there is no fact. */
export const NO_FACTS = sumOf()

/** `what` begins a sentence. */
export function changedLater(what: string, facts: Readonly<Record<string, string | number>> = {}): Fault {
  return new Fault('store/damaged', `${what} was changed after it was written`, {
    facts,
    hint: 'Put back a copy of the store; Holdfast does not act on what it cannot trust.',
  })
}

function sumOf(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
