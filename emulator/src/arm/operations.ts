import { randomUUID } from 'node:crypto'
import type { Call } from '../call.ts'
import type { Clock } from '../clock.ts'
import type { Database } from '../state/database.ts'

export type OperationStatus = 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled'

/** One long-running operation of ARM. */
export interface Operation {
  readonly id: string
  /** The vendor's operation name; it decides what happens at the end. */
  readonly kind: string
  /** ARM id of what is worked on. */
  readonly subject: string
  /** What {@link Operations.define}'s function needs at the end; JSON. */
  readonly input: unknown
  readonly status: OperationStatus
  readonly startedAt: string
  readonly endedAt: string | undefined
  /** What a final GET of the `Location` answers; JSON. */
  readonly result: unknown
  readonly error: { readonly code: string; readonly message: string } | undefined
}

export interface NewOperation {
  readonly kind: string
  readonly subject: string
  readonly input?: unknown
  /** How long it stays in progress at least, on the region's clock. Default 100 ms. */
  readonly milliseconds?: number
  /** Caller in whose name it ends. */
  readonly by?: string
}

/** How an operation ends. `undefined` means: not yet, ask again. */
export type Outcome =
  | { readonly status: 'Succeeded'; readonly result?: unknown }
  | { readonly status: 'Failed'; readonly error: { readonly code: string; readonly message: string } }
  | { readonly status: 'Canceled' }

/** The end of an operation: makes its effect inside the same transaction. Synchronous. */
export type Ending = (operation: Operation) => Outcome | undefined

interface Row {
  readonly id: string
  readonly kind: string
  readonly subject: string
  readonly input: string | null
  readonly status: OperationStatus
  readonly startedAt: string
  readonly due: number
  readonly endedAt: string | null
  readonly result: string | null
  readonly error: string | null
}

const ASK_AGAIN = 200
const USUAL = 100

/**
 * Durable long-running operations.
 *
 * An operation that was begun is ended once, by a timer or by the poll that finds it due,
 * also where the region was killed in between: at the next opening it goes on.
 */
export class Operations {
  readonly #db: Database
  readonly #clock: Clock
  readonly #endings = new Map<string, Ending>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  #closed = false

  constructor(db: Database, clock: Clock) {
    this.#db = db
    this.#clock = clock
    db.migrate(`CREATE TABLE IF NOT EXISTS operations (
      id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, input TEXT, status TEXT NOT NULL,
      startedAt TEXT NOT NULL, due INTEGER NOT NULL, endedAt TEXT, result TEXT, error TEXT);
      CREATE INDEX IF NOT EXISTS operations_open ON operations (kind) WHERE status = 'InProgress';`)
  }

  /** Says how operations of a kind end, and goes on with those that were under way. Once per kind, when a region opens. */
  define(kind: string, ending: Ending): void {
    this.#endings.set(kind, ending)
    const open = this.#db.all<Row>(`SELECT * FROM operations WHERE kind = ? AND status = 'InProgress'`, kind)
    for (const { id, due } of open) this.#schedule(id, due - this.#clock.now())
  }

  /** Begins an operation. Only inside a write of the database. */
  start(wanted: NewOperation): Operation {
    const id = randomUUID()
    const milliseconds = wanted.milliseconds ?? USUAL
    this.#db.run(
      `INSERT INTO operations (id, kind, subject, input, status, startedAt, due) VALUES (?, ?, ?, ?, 'InProgress', ?, ?)`,
      id,
      wanted.kind,
      wanted.subject,
      wanted.input === undefined ? null : JSON.stringify(wanted.input),
      this.#clock.iso(),
      this.#clock.now() + milliseconds,
    )
    this.#schedule(id, milliseconds)
    return this.#need(id)
  }

  /** The operation as it is now, ended first where it is due; `undefined` if there is none. */
  async get(id: string): Promise<Operation | undefined> {
    const row = this.#row(id)
    if (row?.status === 'InProgress' && row.due <= this.#clock.now()) await this.#end(id)
    const now = this.#row(id)
    return now === undefined ? undefined : parsed(now)
  }

  /** Forgets the timers. The operations stay and go on when the region opens again. */
  close(): void {
    this.#closed = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #schedule(id: string, milliseconds: number): void {
    if (this.#closed) return
    clearTimeout(this.#timers.get(id))
    const timer = setTimeout(
      () => {
        this.#timers.delete(id)
        this.#end(id).catch((failure) => process.stderr.write(`emulator: operation ${id}: ${failure}\n`))
      },
      Math.max(0, milliseconds),
    )
    this.#timers.set(id, timer)
  }

  async #end(id: string): Promise<void> {
    if (this.#closed) return
    await this.#db.write(() => {
      const row = this.#row(id)
      if (row === undefined || row.status !== 'InProgress') return
      const ending = this.#endings.get(row.kind)
      const outcome = ending === undefined ? ({ status: 'Succeeded' } as const) : ending(parsed(row))
      if (outcome === undefined) this.#schedule(id, ASK_AGAIN)
      else this.#record(id, outcome)
    })
  }

  #record(id: string, outcome: Outcome): void {
    const result = outcome.status === 'Succeeded' ? outcome.result : undefined
    const error = outcome.status === 'Failed' ? outcome.error : undefined
    this.#db.run(
      'UPDATE operations SET status = ?, endedAt = ?, result = ?, error = ? WHERE id = ?',
      outcome.status,
      this.#clock.iso(),
      result === undefined ? null : JSON.stringify(result),
      error === undefined ? null : JSON.stringify(error),
      id,
    )
  }

  #row(id: string): Row | undefined {
    return this.#db.get<Row>('SELECT * FROM operations WHERE id = ?', id)
  }

  #need(id: string): Operation {
    const row = this.#row(id)
    if (row === undefined) throw new Error(`operation ${id} is not there`)
    return parsed(row)
  }
}

function parsed(row: Row): Operation {
  const { id, kind, subject, status, startedAt } = row
  return {
    id,
    kind,
    subject,
    status,
    startedAt,
    input: row.input === null ? undefined : JSON.parse(row.input),
    endedAt: row.endedAt ?? undefined,
    result: row.result === null ? undefined : JSON.parse(row.result),
    error: row.error === null ? undefined : JSON.parse(row.error),
  }
}

/** Which of the two addresses to poll an answer names. Clients prefer the status. */
export type Polling = 'status' | 'location' | 'both'

/**
 * The headers that tell a client to wait.
 *
 * Without `Azure-AsyncOperation` a client takes a 200 or 201 for the end, so every
 * answer that begins something carries these.
 */
export function pollingHeaders(
  call: Call,
  operation: Operation,
  place: { readonly location: string; readonly polling?: Polling },
): Record<string, string> {
  const { polling = 'both' } = place
  const subscription = operation.subject.split('/')[2] ?? ''
  const before = /^\/+mferp\/managementfrontend/i.exec(call.path)?.[0] ?? ''
  const root = `${call.origin}${before}/subscriptions/${subscription}/providers/Microsoft.MachineLearningServices/locations/${place.location}`
  const query = `api-version=${call.query.get('api-version') ?? ''}`
  return {
    'retry-after': '1',
    ...(polling === 'location'
      ? {}
      : { 'azure-asyncoperation': `${root}/mfeOperationsStatus/${operation.id}?${query}` }),
    ...(polling === 'status' ? {} : { location: `${root}/mfeOperationResults/${operation.id}?${query}` }),
  }
}
