import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { Refusal } from '../refusal.ts'
import type { Database } from '../state/database.ts'
import { lastProviders } from './provider-of.ts'
import { FACT_COLUMNS, factsOf, NUMBERED, openResourceTable, UNENDED } from './resource-table.ts'

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

interface Query {
  readonly sql: string
  readonly values: readonly (string | number)[]
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
  /** What is left out by columns and indexes, before bodies are read. */
  readonly narrowed?: Narrowing
  readonly keep?: (resource: Resource) => boolean
  readonly place?: Place | undefined
  readonly limit: number
}

export interface Narrowing {
  readonly isArchived?: boolean | undefined
  readonly jobType?: string
  readonly id?: string
  /** A tag that is there, with this value where it has one. Tags with values that are no text pass as well. */
  readonly tag?: { readonly key: string; readonly value?: string | undefined }
}

/** The children of one type of a resource. */
export interface Numbered {
  readonly newest: string | null
  readonly highest: number
}

export interface Selected {
  readonly items: readonly Resource[]
  /** Pass as `place` for the next page; `undefined` at the end. */
  readonly next: Place | undefined
}

/** Rows read at a time once a filter has left out some. */
const BATCH = 256
/** Takes id, type, name, parent, body, ETag, instant and caller. */
const PUT = `INSERT INTO resources (id, type, name, parent, body, etag, createdAt, createdBy, modifiedAt, modifiedBy,
    ${FACT_COLUMNS.join(', ')})
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?7, ?8, ${factsOf('?5').join(', ')})
  ON CONFLICT (id) DO UPDATE SET ${['body', 'etag', 'modifiedAt', 'modifiedBy', ...FACT_COLUMNS]
    .map((column) => `${column} = excluded.${column}`)
    .join(', ')}`
/** Every column that is part of a resource. */
const COLUMNS = [
  'id',
  'type',
  'name',
  'parent',
  'body',
  'etag',
  'createdAt',
  'createdBy',
  'modifiedAt',
  'modifiedBy',
  'seq',
]
  .map((column) => `r.${column}`)
  .join(', ')
/** An id and everything below it, by the index: ids below it are those between `{id}/` and the next character. */
const TREE = `id = ?1 OR (id > ?1 || '/' AND id < ?1 || '0')`
/** Takes parents as JSON, the type of the children, and what stands between the id of a parent and the name of a child. */
const NUMBERED_CHILDREN = `SELECT
    (SELECT name FROM resources WHERE parent = p.value AND type = ?2 ORDER BY seq DESC LIMIT 1) AS newest,
    max(
      coalesce((SELECT CAST(name AS INTEGER) FROM resources WHERE parent = p.value AND type = ?2 AND ${NUMBERED}
        ORDER BY CAST(name AS INTEGER) DESC LIMIT 1), 0),
      coalesce((SELECT max(CAST(substr(id, length(p.value || ?3) + 1) AS INTEGER)) FROM tombstones
        WHERE id > p.value || ?3 AND id < p.value || ?3 || ':' AND length(id) < length(p.value || ?3) + 16
          AND substr(id, length(p.value || ?3) + 1) NOT GLOB '*[^0-9]*'), 0)) AS highest
  FROM json_each(?1) p ORDER BY p.key`
const COLUMN = { created: 'createdAt', modified: 'modifiedAt' } as const
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
    openResourceTable(db)
  }

  get(id: string): Resource | undefined {
    const row = this.#db.get<Row>(`SELECT ${COLUMNS} FROM resources r WHERE id = ?`, id)
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
    const { type, name, parent } = partsOf(id)
    this.#db.run(PUT, id, type, name, parent, JSON.stringify(body), `"${randomUUID()}"`, now, by)
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
    const { order, keep = () => true, limit } = wanted
    const column = COLUMN[order.by]
    const items: Resource[] = []
    let place: Place = wanted.place ?? (order.newestFirst ? ['~', Number.MAX_SAFE_INTEGER] : ['', 0])
    for (let batch = limit + 1; ; batch = Math.max(BATCH, limit + 1)) {
      const { sql, values } = pageOf(wanted, place)
      const rows = this.#db.all<Row>(sql, ...values, batch)
      for (const row of rows) {
        const resource = parsed(row)
        if (!keep(resource)) continue
        if (items.length === limit) return { items, next: placeOf(items.at(-1), column) }
        items.push(resource)
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < batch) return { items, next: undefined }
      place = [last[column], last.seq]
    }
  }

  /** Highest whole number that names a child, or named one whose tombstone is here; 0 if none does. */
  highest(parent: string, type: string): number {
    return this.numbered([parent], type)[0]?.highest ?? 0
  }

  /** Of each parent: the name of its newest child of one type, and the {@link highest} number. In the order given. */
  numbered(parents: readonly string[], type: string): readonly Numbered[] {
    return this.#db.all<Numbered>(NUMBERED_CHILDREN, JSON.stringify(parents), type, `/${type.split('/').at(-1)}/`)
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
      `SELECT ${COLUMNS} FROM resources r WHERE parent = ? AND type = ? AND seq ${newestFirst ? '<' : '>'} ?
       ORDER BY seq ${newestFirst ? 'DESC' : 'ASC'} LIMIT ?`,
      parent,
      type,
      from,
      limit + 1,
    )
    return listing(rows, limit)
  }

  /** Everything of one type in the region, oldest first; with `unended`, only jobs that have not ended. */
  ofType(type: string, page: { after?: number; limit: number; unended?: boolean }): Listing {
    const rows = this.#db.all<Row>(
      `SELECT ${COLUMNS} FROM resources r WHERE type = ? AND seq > ? ${page.unended === true ? `AND ${UNENDED}` : ''}
       ORDER BY seq LIMIT ?`,
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
  const provider = lastProviders(segments)
  const own = segments.slice(provider + 1)
  const types = own.filter((_, index) => index === 0 || index % 2 === 1)
  const depth = own.length > 3 ? -2 : -4
  return { type: types.join('/'), name: segments.at(-1) ?? '', parent: `/${segments.slice(0, depth).join('/')}` }
}

/** SQL of a page of a selection, and its values, the number of rows left out. */
function pageOf({ parent, type, order, narrowed = {} }: Selection, place: Place): Query {
  const { isArchived, id, jobType, tag } = narrowed
  const column = COLUMN[order.by]
  const [compare, direction] = order.newestFirst ? ['<', 'DESC'] : ['>', 'ASC']
  const [from, narrow] =
    tag === undefined ? ['resources r', 'r'] : ['resourceTags t CROSS JOIN resources r ON r.seq = t.seq', 't']
  // Tags stand in order of creation.
  const ordered = column === 'createdAt' ? narrow : 'r'
  const terms: readonly (readonly [test: string, ...values: readonly (string | number)[]])[] = [
    [`${narrow}.parent = ? AND ${narrow}.type = ?`, parent, type],
    [`(${ordered}.${column}, ${ordered}.seq) ${compare} (?, ?)`, ...place],
    // What a job has made is listed below it, by run history.
    ['r.isChild = 0'],
    ...(isArchived === undefined ? [] : [[`r.isArchived = ${isArchived ? 1 : 0}`] as const]),
    ...(id === undefined ? [] : [['r.id = ?', id] as const]),
    ...(jobType === undefined ? [] : [['r.jobType = ?', jobType] as const]),
    ...(tag === undefined ? [] : [['t.key = ?', tag.key] as const]),
    ...(tag?.value === undefined ? [] : [['(t.value = ? OR t.value IS NULL)', tag.value] as const]),
  ]
  const sql = `SELECT ${COLUMNS} FROM ${from} WHERE ${terms.map(([test]) => test).join(' AND ')}
    ORDER BY ${ordered}.${column} ${direction}, ${ordered}.seq ${direction} LIMIT ?`
  return { sql, values: terms.flatMap(([, ...values]) => values) }
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
