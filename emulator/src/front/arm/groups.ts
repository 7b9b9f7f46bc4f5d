import { Refusal } from '../../refusal.ts'
import type { Database } from '../../state/database.ts'

/** A resource group. Its metadata are global here, but its home region decides whether its resources may change. */
export interface Group {
  /** Grows with each that is made. */
  readonly seq: number
  readonly subscription: string
  readonly name: string
  readonly location: string
  readonly tags: Readonly<Record<string, string>>
  readonly managedBy: string | null
  readonly state: 'Succeeded' | 'Deleting'
}

interface Row extends Omit<Group, 'tags'> {
  readonly tags: string
}

/** The resource groups of the emulator. */
export class Groups {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
    db.migrate(`CREATE TABLE IF NOT EXISTS groups (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT NOT NULL COLLATE NOCASE, name TEXT NOT NULL COLLATE NOCASE,
      location TEXT NOT NULL, tags TEXT NOT NULL, managedBy TEXT, state TEXT NOT NULL, UNIQUE (subscription, name))`)
  }

  get(subscription: string, name: string): Group | undefined {
    const row = this.#db.get<Row>('SELECT * FROM groups WHERE subscription = ? AND name = ?', subscription, name)
    return row === undefined ? undefined : parsed(row)
  }

  /** The group, or Azure's 404 for it. */
  need(subscription: string, name: string): Group {
    const found = this.get(subscription, name)
    if (found === undefined) {
      throw new Refusal(404, 'ResourceGroupNotFound', `Resource group '${name}' could not be found.`)
    }
    return found
  }

  list(subscription: string): Group[] {
    return this.#db.all<Row>('SELECT * FROM groups WHERE subscription = ? ORDER BY seq', subscription).map(parsed)
  }

  /** Creates or replaces. Only inside a write. */
  put(group: Omit<Group, 'state' | 'seq'>): void {
    this.#db.run(
      `INSERT INTO groups (subscription, name, location, tags, managedBy, state) VALUES (?, ?, ?, ?, ?, 'Succeeded')
       ON CONFLICT (subscription, name) DO UPDATE SET tags = excluded.tags, managedBy = excluded.managedBy`,
      group.subscription,
      group.name,
      group.location,
      JSON.stringify(group.tags),
      group.managedBy,
    )
  }

  /** Only inside a write. */
  setState(group: Group, state: Group['state']): void {
    this.#db.run(
      'UPDATE groups SET state = ? WHERE subscription = ? AND name = ?',
      state,
      group.subscription,
      group.name,
    )
  }

  /** Only inside a write. */
  remove(group: Group): void {
    this.#db.run('DELETE FROM groups WHERE subscription = ? AND name = ?', group.subscription, group.name)
  }
}

/** A group as ARM prints it. */
export function groupBody(group: Group): Readonly<Record<string, unknown>> {
  return {
    id: `/subscriptions/${group.subscription}/resourceGroups/${group.name}`,
    name: group.name,
    type: 'Microsoft.Resources/resourceGroups',
    location: group.location,
    ...(group.managedBy === null ? {} : { managedBy: group.managedBy }),
    tags: group.tags,
    properties: { provisioningState: group.state },
  }
}

/** What a group that is being removed answers to changes. */
export function beingDeleted(name: string): Refusal {
  const message = `The resource group '${name}' is in deprovisioning state and cannot perform this operation.`
  return new Refusal(409, 'ResourceGroupBeingDeleted', message)
}

function parsed(row: Row): Group {
  return { ...row, tags: JSON.parse(row.tags) }
}
