import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Database } from '../state/database.ts'
import { newEtag } from './etag.ts'
import type { Lease } from './lease.ts'

/** A storage account of this region. */
export interface Account {
  /** Name as in its host names, in lower case. */
  readonly name: string
  /** Both keys, base64 of 64 random bytes. */
  readonly keys: readonly [string, string]
  /** Base64 of the secret from which the keys of user delegation follow. */
  readonly delegationSecret: string
  /** False where only bearer tokens and user delegation SAS are accepted. */
  readonly sharedKeyAllowed: boolean
  /** True where a container may be opened to anonymous readers. */
  readonly publicAccessAllowed: boolean
}

/** Who may read a container without signing: nobody, readers of a known blob, or anyone who lists it. */
export type PublicAccess = 'none' | 'blob' | 'container'

/** A stored access policy: what a SAS that names it may do. Instants are ISO texts, empty where not set. */
export interface Policy {
  readonly id: string
  readonly start: string
  readonly expiry: string
  readonly permission: string
}

export interface Container {
  readonly key: number
  readonly account: string
  readonly name: string
  /** With quotes. */
  readonly etag: string
  /** Milliseconds since 1970. */
  readonly modified: number
  readonly access: PublicAccess
  readonly metadata: Readonly<Record<string, string>>
  readonly policies: readonly Policy[]
  readonly lease: Lease | null
}

interface AccountRow {
  readonly name: string
  readonly key1: string
  readonly key2: string
  readonly delegation: string
  readonly sharedKey: number
  readonly publicAccess: number
}

interface ContainerRow extends Omit<Container, 'metadata' | 'policies' | 'lease'> {
  readonly metadata: string
  readonly policies: string
  readonly lease: string | null
}

/** The accounts of a region and their containers. Reads are immediate; writes run inside a write of the database. */
export class Accounts {
  readonly #db: Database
  readonly #clock: Clock

  constructor(db: Database, clock: Clock) {
    this.#db = db
    this.#clock = clock
    db.migrate(`
      CREATE TABLE IF NOT EXISTS storage_accounts (
        name TEXT PRIMARY KEY, key1 TEXT NOT NULL, key2 TEXT NOT NULL, delegation TEXT NOT NULL,
        sharedKey INTEGER NOT NULL DEFAULT 1, publicAccess INTEGER NOT NULL DEFAULT 0, properties TEXT);
      CREATE TABLE IF NOT EXISTS storage_containers (
        key INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, name TEXT NOT NULL, etag TEXT NOT NULL,
        modified INTEGER NOT NULL, access TEXT NOT NULL DEFAULT 'none', metadata TEXT NOT NULL DEFAULT '{}',
        policies TEXT NOT NULL DEFAULT '[]', lease TEXT, UNIQUE (account, name));`)
  }

  get(name: string): Account | undefined {
    const row = this.#db.get<AccountRow>('SELECT * FROM storage_accounts WHERE name = ?', name)
    if (row === undefined) return undefined
    return {
      name: row.name,
      keys: [row.key1, row.key2],
      delegationSecret: row.delegation,
      sharedKeyAllowed: row.sharedKey === 1,
      publicAccessAllowed: row.publicAccess === 1,
    }
  }

  /** Makes the account with new keys; one that is there keeps its keys and takes the rules. */
  create(name: string, rules: { sharedKeyAllowed?: boolean; publicAccessAllowed?: boolean } = {}): void {
    this.#db.run(
      `INSERT INTO storage_accounts (name, key1, key2, delegation, sharedKey, publicAccess) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET sharedKey = excluded.sharedKey, publicAccess = excluded.publicAccess`,
      name,
      newKey(),
      newKey(),
      newKey(),
      rules.sharedKeyAllowed === false ? 0 : 1,
      rules.publicAccessAllowed === true ? 1 : 0,
    )
  }

  /** Replaces one of the two keys. What was signed with it is refused from then on. */
  regenerateKey(name: string, which: 'key1' | 'key2'): void {
    this.#db.run(`UPDATE storage_accounts SET ${which} = ? WHERE name = ?`, newKey(), name)
  }

  /** Body of the last Set Blob Service Properties, or `undefined` where there was none. */
  serviceProperties(name: string): string | undefined {
    const sql = 'SELECT properties FROM storage_accounts WHERE name = ?'
    return this.#db.get<{ properties: string | null }>(sql, name)?.properties ?? undefined
  }

  setServiceProperties(name: string, body: string): void {
    this.#db.run('UPDATE storage_accounts SET properties = ? WHERE name = ?', body, name)
  }

  /** Removes the account's row. Its containers are removed by the caller, who knows their blobs. */
  remove(name: string): void {
    this.#db.run('DELETE FROM storage_accounts WHERE name = ?', name)
  }

  container(account: string, name: string): Container | undefined {
    const row = this.#db.get<ContainerRow>(
      'SELECT * FROM storage_containers WHERE account = ? AND name = ?',
      account,
      name,
    )
    return row === undefined ? undefined : parsed(row)
  }

  /** The container that a blob's row names. */
  containerOf(key: number): Container | undefined {
    const row = this.#db.get<ContainerRow>('SELECT * FROM storage_containers WHERE key = ?', key)
    return row === undefined ? undefined : parsed(row)
  }

  /** Containers in order of name, starting at `from`, at most `limit`. */
  containers(account: string, { prefix = '', from = '', limit = 5000 } = {}): Container[] {
    return this.#db
      .all<ContainerRow>(
        `SELECT * FROM storage_containers WHERE account = ? AND name >= max(?, ?) AND substr(name, 1, ?) = ?
         ORDER BY name LIMIT ?`,
        account,
        from,
        prefix,
        prefix.length,
        prefix,
        limit,
      )
      .map(parsed)
  }

  /** Adds a container that is not there yet. */
  addContainer(account: string, name: string, options: Partial<Pick<Container, 'access' | 'metadata'>> = {}): void {
    this.#db.run(
      'INSERT INTO storage_containers (account, name, etag, modified, access, metadata) VALUES (?, ?, ?, ?, ?, ?)',
      account,
      name,
      newEtag(this.#clock.now()),
      this.#clock.now(),
      options.access ?? 'none',
      JSON.stringify(options.metadata ?? {}),
    )
  }

  /** Changes what a container says of itself; its ETag and time of change follow. */
  changeContainer(
    container: Container,
    change: Partial<Pick<Container, 'access' | 'metadata' | 'policies'>>,
  ): Container {
    const next = { ...container, ...change }
    this.#db.run(
      'UPDATE storage_containers SET etag = ?, modified = ?, access = ?, metadata = ?, policies = ? WHERE key = ?',
      newEtag(this.#clock.now()),
      this.#clock.now(),
      next.access,
      JSON.stringify(next.metadata),
      JSON.stringify(next.policies),
      container.key,
    )
    return this.container(container.account, container.name) ?? next
  }

  /** Leases leave ETag and time of change as they are. */
  leaseContainer(container: Container, lease: Lease | null): void {
    const text = lease === null ? null : JSON.stringify(lease)
    this.#db.run('UPDATE storage_containers SET lease = ? WHERE key = ?', text, container.key)
  }

  /** Removes the container's row. Its blobs are removed by the caller. */
  dropContainer(container: Container): void {
    this.#db.run('DELETE FROM storage_containers WHERE key = ?', container.key)
  }
}

function newKey(): string {
  return randomBytes(64).toString('base64')
}

function parsed(row: ContainerRow): Container {
  return {
    ...row,
    metadata: row.metadata === '{}' ? {} : JSON.parse(row.metadata),
    policies: row.policies === '[]' ? [] : JSON.parse(row.policies),
    lease: row.lease === null ? null : JSON.parse(row.lease),
  }
}
