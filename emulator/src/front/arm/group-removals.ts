import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { forgetDeployments } from '../../arm/template/execute/store.ts'
import type { Call, Reply } from '../../call.ts'
import { complaint } from '../../complaint.ts'
import { Refusal } from '../../refusal.ts'
import type { Database } from '../../state/database.ts'
import type { Tokens } from '../../tokens.ts'
import type { FrontArm } from '../front-arm.ts'
import type { Directory, Entry } from './directory.ts'
import type { Group, Groups } from './groups.ts'

interface Removal {
  readonly token: string
  readonly subscription: string
  readonly name: string
  readonly caller: string
  readonly state: 'running' | 'done' | 'failed'
  readonly failure: string | null
}

export interface RemovalParts {
  readonly db: Database
  readonly groups: Groups
  readonly directory: Directory
  readonly tokens: Tokens
  readonly request: FrontArm['request']
}

const PATIENCE_MILLISECONDS = 60_000
const PAUSE_MILLISECONDS = 100
/** Answers after which asking again can help. */
const PASSING = new Set([409, 429, 500, 503])

/** Removes resource groups with everything inside, in the background and across restarts. */
export class GroupRemovals {
  readonly #parts: RemovalParts
  readonly #ending = new AbortController()
  readonly #running = new Set<Promise<void>>()

  constructor(parts: RemovalParts) {
    this.#parts = parts
    parts.db.migrate(`CREATE TABLE IF NOT EXISTS group_removals (
      token TEXT PRIMARY KEY, subscription TEXT NOT NULL, name TEXT NOT NULL, caller TEXT NOT NULL,
      state TEXT NOT NULL, failure TEXT)`)
  }

  /** Goes on with what a restart interrupted. */
  start(): void {
    const open = this.#parts.db.all<Removal>("SELECT * FROM group_removals WHERE state = 'running'")
    for (const removal of open) this.#follow(removal)
  }

  async close(): Promise<void> {
    this.#ending.abort()
    await Promise.all(this.#running)
  }

  /** Accepts the removal of a group: 202 with the place to ask. Asking twice removes once. */
  async begin(call: Call, group: Group): Promise<Reply> {
    const { db, groups } = this.#parts
    const { subscription, name } = group
    const open = db.get<Removal>(
      "SELECT * FROM group_removals WHERE subscription = ? AND name = ? AND state = 'running'",
      subscription,
      name,
    )
    if (open !== undefined) return accepted(call, open)
    const removal: Removal = {
      token: randomUUID(),
      subscription,
      name,
      caller: call.caller.id,
      state: 'running',
      failure: null,
    }
    const reply = await call.commit(() => {
      groups.setState(group, 'Deleting')
      db.run(
        "INSERT INTO group_removals (token, subscription, name, caller, state) VALUES (?, ?, ?, ?, 'running')",
        removal.token,
        subscription,
        name,
        removal.caller,
      )
      return { ...accepted(call, removal), note: { subject: `/subscriptions/${subscription}/resourceGroups/${name}` } }
    })
    this.#follow(removal)
    return reply
  }

  /** What the place to ask answers. */
  result(call: Call, { subscription = '', token = '' }: Readonly<Record<string, string>>): Reply {
    const removal = this.#parts.db.get<Removal>('SELECT * FROM group_removals WHERE token = ?', token)
    if (removal === undefined || removal.subscription.toLowerCase() !== subscription.toLowerCase()) {
      throw new Refusal(404, 'NotFound', `There is no operation ${token}.`)
    }
    if (removal.state === 'running') return accepted(call, removal)
    if (removal.state === 'done') return { status: 200 }
    throw new Refusal(409, 'ResourceGroupDeletionBlocked', removal.failure ?? 'The removal of the group failed.')
  }

  #follow(removal: Removal): void {
    const work = this.#remove(removal)
      .catch((failure: unknown) => {
        if (!this.#ending.signal.aborted) return this.#fail(removal, String(failure))
      })
      .catch(complaint(`the removal of the group ${removal.name}`))
    this.#running.add(work)
    void work.then(() => this.#running.delete(work))
  }

  async #remove(removal: Removal): Promise<void> {
    const { db, directory, groups } = this.#parts
    const { subscription, name } = removal
    for (;;) {
      const inside = directory.list({ subscription, resourceGroup: name })
      if (inside.length === 0) break
      for (const entry of inOrder(inside)) {
        const failure = await this.#removeOne(entry, removal)
        if (failure !== undefined) return this.#fail(removal, failure)
      }
    }
    await db.write(() => {
      const group = groups.get(subscription, name)
      if (group !== undefined) groups.remove(group)
      forgetDeployments(db, `/subscriptions/${subscription}/resourceGroups/${name}`)
      db.run("UPDATE group_removals SET state = 'done' WHERE token = ?", removal.token)
    })
  }

  /** Removes one resource and waits until its region does not have it. Gives the reason where that fails. */
  async #removeOne(entry: Entry, removal: Removal): Promise<string | undefined> {
    const deadline = Date.now() + PATIENCE_MILLISECONDS
    const ask = async (method: string): ReturnType<FrontArm['request']> => {
      const lifetimeSeconds = 600
      const audience = 'https://management.azure.com'
      const token = await this.#parts.tokens.issue({ subject: removal.caller, audience, lifetimeSeconds })
      const path = `${encodeURI(entry.id)}?api-version=2024-04-01`
      return this.#parts.request({ method, path, authorization: `Bearer ${token}`, client: 'arm' })
    }
    let answer = await ask('DELETE')
    while (this.#parts.directory.get(entry.id) !== undefined) {
      if (answer.status >= 400 && answer.status !== 404 && !PASSING.has(answer.status)) break
      if (Date.now() > deadline) break
      await sleep(PAUSE_MILLISECONDS, undefined, { signal: this.#ending.signal })
      answer = await ask(PASSING.has(answer.status) ? 'DELETE' : 'GET')
    }
    if (this.#parts.directory.get(entry.id) === undefined) return undefined
    return `The resource ${entry.id} could not be removed: its region answered ${answer.status}.`
  }

  async #fail(removal: Removal, failure: string): Promise<void> {
    const { db, groups } = this.#parts
    await db.write(() => {
      const group = groups.get(removal.subscription, removal.name)
      if (group !== undefined) groups.setState(group, 'Succeeded')
      db.run("UPDATE group_removals SET state = 'failed', failure = ? WHERE token = ?", failure, removal.token)
    })
  }
}

/** Workspaces before what they stand on; otherwise the newest first. */
function inOrder(entries: readonly Entry[]): readonly Entry[] {
  const rank = (entry: Entry): number => (entry.type.toLowerCase().startsWith('microsoft.machinelearning') ? 0 : 1)
  return entries.toReversed().sort((a, b) => rank(a) - rank(b))
}

function accepted(call: Call, removal: Removal): Reply {
  const location = `${call.origin}/subscriptions/${removal.subscription}/operationresults/${removal.token}?api-version=2021-04-01`
  return { status: 202, headers: { location, 'retry-after': '1' } }
}
