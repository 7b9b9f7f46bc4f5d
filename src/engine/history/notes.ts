import type { HistoryLedger } from '../../store/history-ledger.ts'

const ALL = 'all'

/**
 * Every kind of note that a ledger of history has, and what of it only saves work: all, some fields of its JSON, or
 * nothing. The rest says what was carried, which nothing else tells: by it goes what is gone at the source since.
 */
const SAVING_WORK = {
  run: ALL,
  file: ALL,
  lost: ALL,
  logged: ALL,
  'trace-links': ALL,
  pass: ['since'],
  trace: ['digest', 'shown'],
  'evaluation-dataset': ['envelope'],
  creation: [],
  experiment: [],
  'logged-tags': [],
  open: [],
  registered: [],
  replica: [],
  shaken: [],
  version: [],
} as const satisfies Readonly<Record<string, typeof ALL | readonly string[]>>

export type NoteKind = keyof typeof SAVING_WORK

/** The key of a note; of `''` what the keys of all notes of a kind begin with. */
export function noteKey(kind: NoteKind, of: string): string {
  return `${kind}/${of}`
}

/** The same ledger for a pass that reads and compares everything: it says what was carried, and nothing that saves work. */
export function savingNothing(ledger: HistoryLedger): HistoryLedger {
  return { ...ledger, get: (key) => stillSaid(kindOf(key), ledger.get(key)) }
}

/** Forgets what was noted of a thing before a replica of it is made: it was of another, which is gone. */
export function forgetReplica(ledger: HistoryLedger, kinds: readonly NoteKind[], id: string): void {
  for (const key of kinds.map((kind) => noteKey(kind, id))) {
    for (const one of ledger.keys(key)) if (one === key || one.startsWith(`${key}/`)) ledger.forget(one)
  }
}

function stillSaid(kind: NoteKind, note: string | undefined): string | undefined {
  const saving: typeof ALL | readonly string[] = SAVING_WORK[kind]
  if (note === undefined || saving === ALL) return undefined
  if (saving.length === 0) return note
  const said = Object.entries(JSON.parse(note) as object).filter(([field]) => !saving.includes(field))
  return JSON.stringify(Object.fromEntries(said))
}

function kindOf(key: string): NoteKind {
  return key.slice(0, key.indexOf('/')) as NoteKind
}
