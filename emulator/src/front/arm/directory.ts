import type { Database } from '../../state/database.ts'

/** Kinds of resource whose names are unique in the whole cloud, since hosts or addresses of the cloud name them. */
export type OwnedName = 'storage' | 'vault' | 'registry' | 'mlRegistry'

const KIND_OF_TYPE: ReadonlyMap<string, OwnedName> = new Map([
  ['microsoft.storage/storageaccounts', 'storage'],
  ['microsoft.keyvault/vaults', 'vault'],
  ['microsoft.containerregistry/registries', 'registry'],
  ['microsoft.machinelearningservices/registries', 'mlRegistry'],
])

/** The one type of which a region keeps what is deleted. */
export const KEPT_WHEN_DELETED = 'Microsoft.MachineLearningServices/workspaces'

/** A top-level resource as the front knows it: enough to find and to list it. */
export interface Entry {
  /** Grows with each that is made. */
  readonly seq: number
  readonly id: string
  readonly subscription: string
  readonly resourceGroup: string
  readonly type: string
  readonly name: string
  readonly region: string
  /** `reserved`: a PUT was sent and not yet answered with success. `leaving`: a DELETE was accepted. */
  readonly state: 'reserved' | 'there' | 'leaving'
  /** What lists show beside id, name and type: location, tags, kind, sku, identity, managedBy. */
  readonly summary: Readonly<Record<string, unknown>>
}

interface Row extends Omit<Entry, 'summary'> {
  readonly summary: string
}

/**
 * Which region holds which top-level resource, and who holds the global names.
 *
 * An entry is made before a region may create the resource and removed after the region said that it
 * is gone. So nothing exists that the directory does not know, and a list never leaves out a region.
 */
export class Directory {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
    db.migrate(`
      CREATE TABLE IF NOT EXISTS directory (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE COLLATE NOCASE,
        subscription TEXT NOT NULL COLLATE NOCASE, resourceGroup TEXT NOT NULL COLLATE NOCASE,
        type TEXT NOT NULL COLLATE NOCASE, name TEXT NOT NULL, region TEXT NOT NULL, state TEXT NOT NULL,
        summary TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS owned_names (
        kind TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE, id TEXT NOT NULL COLLATE NOCASE, region TEXT NOT NULL,
        PRIMARY KEY (kind, name));
      CREATE TABLE IF NOT EXISTS departed (id TEXT PRIMARY KEY COLLATE NOCASE, region TEXT NOT NULL);`)
  }

  get(id: string): Entry | undefined {
    const row = this.#db.get<Row>('SELECT * FROM directory WHERE id = ?', id)
    return row === undefined ? undefined : parsed(row)
  }

  /** Entries in the order of their creation. */
  list(scope: { subscription: string; resourceGroup?: string | undefined; type?: string | undefined }): Entry[] {
    const rows = this.#db.all<Row>(
      `SELECT * FROM directory WHERE subscription = ? AND (? IS NULL OR resourceGroup = ?) AND (? IS NULL OR type = ?)
       ORDER BY seq`,
      scope.subscription,
      scope.resourceGroup ?? null,
      scope.resourceGroup ?? null,
      scope.type ?? null,
      scope.type ?? null,
    )
    return rows.map(parsed)
  }

  /** The id that holds a global name, or `undefined` where the name is free or its type has none. */
  holder(type: string, name: string): string | undefined {
    const kind = KIND_OF_TYPE.get(type.toLowerCase())
    if (kind === undefined) return undefined
    return this.#db.get<{ id: string }>('SELECT id FROM owned_names WHERE kind = ? AND name = ?', kind, name)?.id
  }

  /** Region of the resource that holds a global name. */
  owner(kind: OwnedName, name: string): string | undefined {
    return this.#db.get<{ region: string }>('SELECT region FROM owned_names WHERE kind = ? AND name = ?', kind, name)
      ?.region
  }

  /** Makes the entry of a resource that is about to be created. Only inside a write. */
  reserve(entry: Omit<Entry, 'state' | 'seq'>): void {
    this.#db.run(
      `INSERT INTO directory (id, subscription, resourceGroup, type, name, region, state, summary)
       VALUES (?, ?, ?, ?, ?, ?, 'reserved', ?)`,
      entry.id,
      entry.subscription,
      entry.resourceGroup,
      entry.type,
      entry.name,
      entry.region,
      JSON.stringify(entry.summary),
    )
    const kind = KIND_OF_TYPE.get(entry.type.toLowerCase())
    if (kind !== undefined) {
      this.#db.run(
        'INSERT INTO owned_names (kind, name, id, region) VALUES (?, ?, ?, ?)',
        kind,
        entry.name.toLowerCase(),
        entry.id,
        entry.region,
      )
    }
  }

  /** Writes down that the region has the resource, and how it looks in lists. Only inside a write. */
  settle(id: string, summary: Entry['summary']): void {
    this.#db.run("UPDATE directory SET state = 'there', summary = ? WHERE id = ?", JSON.stringify(summary), id)
  }

  /** Writes down that the region accepted the removal. Only inside a write. */
  leave(id: string): void {
    this.#db.run("UPDATE directory SET state = 'leaving' WHERE id = ?", id)
  }

  /** The region that may still have a workspace that was deleted, to be recovered or purged there. */
  departed(id: string): string | undefined {
    return this.#db.get<{ region: string }>('SELECT region FROM departed WHERE id = ?', id)?.region
  }

  /** Forgets a resource that its region does not show any more, and frees its name. Only inside a write. */
  forget(id: string): void {
    this.#db.run(
      "INSERT OR REPLACE INTO departed (id, region) SELECT id, region FROM directory WHERE id = ? AND type = ? AND state <> 'reserved'",
      id,
      KEPT_WHEN_DELETED,
    )
    this.#db.run('DELETE FROM directory WHERE id = ?', id)
    this.#db.run('DELETE FROM owned_names WHERE id = ?', id)
  }
}

function parsed(row: Row): Entry {
  return { ...row, summary: JSON.parse(row.summary) }
}
