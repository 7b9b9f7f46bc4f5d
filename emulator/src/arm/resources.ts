import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { Refusal } from '../refusal.ts'
import type { Database } from '../state/database.ts'

/** What ARM keeps of a thing: everything that is not in `body` is known from here. */
export interface Resource {
  /** The id as it was first written, starting with `/subscriptions/`. Ids are equal whatever their case. */
  readonly id: string
  /** Full type, for instance `Microsoft.MachineLearningServices/workspaces/models/versions`. */
  readonly type: string
  /** Last segment of the id. */
  readonly name: string
  /** Id of the thing it stands under, for listing: the id without its last two segments. */
  readonly parent: string
  /** The stored JSON: `properties`, and whatever else the kind keeps (`location`, `sku`, `kind`, `tags`, `identity`). */
  readonly body: Readonly<Record<string, unknown>>
  readonly etag: string
  readonly createdAt: string
  readonly createdBy: string
  readonly modifiedAt: string
  readonly modifiedBy: string
  /** Grows with each creation in the region: the order in which things came to be. */
  readonly seq: number
}

interface Row extends Omit<Resource, 'body'> {
  readonly body: string
}

export interface Listing {
  readonly items: readonly Resource[]
  /** Pass as `after` for the next page; `undefined` at the end. */
  readonly next: number | undefined
}

/** A place in an order: the instant and the `seq` of the last item seen. */
export type Place = readonly [at: string, seq: number]

export interface Selection {
  readonly parent: string
  readonly type: string
  readonly order: { readonly by: 'created' | 'modified'; readonly newestFirst: boolean }
  readonly keep?: (resource: Resource) => boolean
  readonly place?: Place | undefined
  readonly limit: number
}

export interface Selected {
  readonly items: readonly Resource[]
  /** Pass as `place` for the next page; `undefined` at the end. */
  readonly next: Place | undefined
}

const BATCH = 256
/** An id and everything below it, by the index: ids below it are those between `{id}/` and the next character. */
const TREE = `id = ?1 OR (id > ?1 || '/' AND id < ?1 || '0')`
/** Stands before id, parent and type of what is hidden. */
const HIDDEN = 'hidden:'

/**
 * The one store for everything that has an ARM id in a region.
 *
 * Reads are immediate. Writes run inside `Database.write` (or `Call.commit`): they are synchronous
 * and durable when that resolves. A removed id leaves a tombstone if the kind asks for one.
 */
export class Resources {
  readonly #db: Database
  readonly #clock: Clock

  constructor(db: Database, clock: Clock) {
    this.#db = db
    this.#clock = clock
    db.migrate(`
      CREATE TABLE IF NOT EXISTS resources (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE COLLATE NOCASE, type TEXT NOT NULL COLLATE NOCASE,
        name TEXT NOT NULL, parent TEXT NOT NULL COLLATE NOCASE, body TEXT NOT NULL, etag TEXT NOT NULL,
        createdAt TEXT NOT NULL, createdBy TEXT NOT NULL, modifiedAt TEXT NOT NULL, modifiedBy TEXT NOT NULL);
      CREATE INDEX IF NOT EXISTS resources_by_parent ON resources (parent, type, seq);
      CREATE INDEX IF NOT EXISTS resources_by_creation ON resources (parent, type, createdAt, seq);
      CREATE INDEX IF NOT EXISTS resources_by_change ON resources (parent, type, modifiedAt, seq);
      CREATE INDEX IF NOT EXISTS resources_by_name ON resources (parent, type, name);
      CREATE INDEX IF NOT EXISTS resources_by_type ON resources (type, seq);
      CREATE TABLE IF NOT EXISTS tombstones (id TEXT PRIMARY KEY COLLATE NOCASE, at TEXT NOT NULL);`)
  }

  get(id: string): Resource | undefined {
    const row = this.#db.get<Row>('SELECT * FROM resources WHERE id = ?', id)
    return row === undefined ? undefined : parsed(row)
  }

  /** The resource, or Azure's 404 for it. */
  need(id: string): Resource {
    const found = this.get(id)
    if (found === undefined) throw new Refusal(404, 'ResourceNotFound', `The resource '${id}' was not found.`)
    return found
  }

  /** Creates or replaces. Keeps id, creation and seq of what was there. */
  put(id: string, body: Readonly<Record<string, unknown>>, by: string): Resource {
    const now = this.#clock.iso()
    const parts = partsOf(id)
    this.#db.run(
      `INSERT INTO resources (id, type, name, parent, body, etag, createdAt, createdBy, modifiedAt, modifiedBy)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET body = excluded.body, etag = excluded.etag,
         modifiedAt = excluded.modifiedAt, modifiedBy = excluded.modifiedBy`,
      id,
      parts.type,
      parts.name,
      parts.parent,
      JSON.stringify(body),
      `"${randomUUID()}"`,
      now,
      by,
      now,
      by,
    )
    return this.need(id)
  }

  /** Removes the resource alone. True if it was there. With `tombstone`, {@link buried} remembers it. */
  remove(id: string, tombstone = false): boolean {
    const gone = this.#db.run('DELETE FROM resources WHERE id = ?', id).changes > 0
    if (gone && tombstone)
      this.#db.run('INSERT OR REPLACE INTO tombstones (id, at) VALUES (?, ?)', id, this.#clock.iso())
    return gone
  }

  /** Removes everything below an id, and the id itself. Leaves no tombstones, and takes those that were there. */
  removeTree(id: string): void {
    for (const table of ['resources', 'tombstones']) {
      this.#db.run(`DELETE FROM ${table} WHERE ${TREE}`, id)
    }
  }

  /** Takes a resource and everything below it out of every read and list, to be shown again or removed later. */
  hide(id: string): void {
    this.#db.run(
      `UPDATE resources SET id = ?2 || id, parent = ?2 || parent, type = ?2 || type WHERE ${TREE}`,
      id,
      HIDDEN,
    )
  }

  /** Shows again what {@link hide} took away. */
  show(id: string): void {
    const hidden = `${HIDDEN}${id}`
    this.#db.run(
      `UPDATE resources SET id = substr(id, ?2), parent = substr(parent, ?2), type = substr(type, ?2) WHERE ${TREE}`,
      hidden,
      HIDDEN.length + 1,
    )
  }

  /** A resource that is hidden, with its own id; `undefined` if there is none. */
  hidden(id: string): Resource | undefined {
    return this.get(`${HIDDEN}${id}`)
  }

  /** Removes for good what is hidden under an id. */
  removeHidden(id: string): void {
    this.removeTree(`${HIDDEN}${id}`)
  }

  /**
   * Children of one type in a wanted order that pass `keep`, a page at a time.
   *
   * `place` is the `next` of the page before. Read in batches, so that a filter which keeps
   * little of much is slow and never wrong.
   */
  select(wanted: Selection): Selected {
    const { parent, type, order, keep = () => true, limit } = wanted
    const column = order.by === 'modified' ? 'modifiedAt' : 'createdAt'
    const [compare, direction] = order.newestFirst ? ['<', 'DESC'] : ['>', 'ASC']
    const first: Place = order.newestFirst ? ['~', Number.MAX_SAFE_INTEGER] : ['', 0]
    const sql = `SELECT * FROM resources WHERE parent = ? AND type = ? AND (${column}, seq) ${compare} (?, ?)
      ORDER BY ${column} ${direction}, seq ${direction} LIMIT ?`
    const items: Resource[] = []
    let place: Place = wanted.place ?? first
    for (;;) {
      const rows = this.#db.all<Row>(sql, parent, type, ...place, BATCH)
      for (const row of rows) {
        const resource = parsed(row)
        if (!keep(resource)) continue
        if (items.length === limit) return { items, next: placeOf(items.at(-1), column) }
        items.push(resource)
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < BATCH) return { items, next: undefined }
      place = [last[column], last.seq]
    }
  }

  /** Highest whole number that names a child, or named one whose tombstone is here; 0 if none does. */
  highest(parent: string, type: string): number {
    const here = this.#db.get<{ most: number | null }>(
      `SELECT MAX(CAST(name AS INTEGER)) AS most FROM resources
       WHERE parent = ? AND type = ? AND length(name) < 16 AND name NOT GLOB '*[^0-9]*'`,
      parent,
      type,
    )
    const below = `${parent}/${type.split('/').at(-1)}/`
    const gone = this.#db.get<{ most: number | null }>(
      `SELECT MAX(CAST(substr(id, ?) AS INTEGER)) AS most FROM tombstones
       WHERE id > ? AND id < ? AND length(id) < ? AND substr(id, ?) NOT GLOB '*[^0-9]*'`,
      below.length + 1,
      below,
      `${below}:`,
      below.length + 16,
      below.length + 1,
    )
    return Math.max(here?.most ?? 0, gone?.most ?? 0)
  }

  /** When a removed id was removed, or `undefined`. */
  buried(id: string): string | undefined {
    return this.#db.get<{ at: string }>('SELECT at FROM tombstones WHERE id = ?', id)?.at
  }

  /** Children of one type, oldest first or newest first, a page at a time. */
  list(parent: string, type: string, page: { after?: number; limit: number; newestFirst?: boolean }): Listing {
    const { after, limit, newestFirst = false } = page
    const from = after ?? (newestFirst ? Number.MAX_SAFE_INTEGER : 0)
    const rows = this.#db.all<Row>(
      `SELECT * FROM resources WHERE parent = ? AND type = ? AND seq ${newestFirst ? '<' : '>'} ?
       ORDER BY seq ${newestFirst ? 'DESC' : 'ASC'} LIMIT ?`,
      parent,
      type,
      from,
      limit + 1,
    )
    return listing(rows, limit)
  }

  /** Everything of one type in the region, oldest first. */
  ofType(type: string, page: { after?: number; limit: number }): Listing {
    const rows = this.#db.all<Row>(
      'SELECT * FROM resources WHERE type = ? AND seq > ? ORDER BY seq LIMIT ?',
      type,
      page.after ?? 0,
      page.limit + 1,
    )
    return listing(rows, page.limit)
  }
}

/** Splits an ARM id: `/a/b/providers/NS/t1/n1/t2/n2` has type `NS/t1/t2`, name `n2` and parent `…/t1/n1`. */
export function partsOf(id: string): { type: string; name: string; parent: string } {
  const segments = id.split('/').filter((segment) => segment !== '')
  const provider = segments.findLastIndex((segment) => segment.toLowerCase() === 'providers')
  const own = segments.slice(provider + 1)
  const types = own.filter((_, index) => index === 0 || index % 2 === 1)
  const depth = own.length > 3 ? -2 : -4
  return { type: types.join('/'), name: segments.at(-1) ?? '', parent: `/${segments.slice(0, depth).join('/')}` }
}

function parsed(row: Row): Resource {
  return { ...row, body: JSON.parse(row.body) }
}

function placeOf(last: Resource | undefined, column: 'createdAt' | 'modifiedAt'): Place | undefined {
  return last === undefined ? undefined : [last[column], last.seq]
}

function listing(rows: readonly Row[], limit: number): Listing {
  const items = rows.slice(0, limit).map(parsed)
  return { items, next: rows.length > limit ? items.at(-1)?.seq : undefined }
}
