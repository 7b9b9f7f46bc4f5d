import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../../../clock.ts'
import type { Database } from '../../../state/database.ts'
import type { Json, JsonObject } from '../json.ts'
import type { Link } from '../language/scope.ts'
import type { Prepared } from '../prepare.ts'
import { canonicalId, typeAndNameOf } from '../resource-ids.ts'
import type { Declared } from '../resources.ts'
import type { DeploymentResult, Recorder } from './run.ts'
import type { Settled } from './sender.ts'

export type DeploymentState = 'Accepted' | 'Running' | 'Succeeded' | 'Failed' | 'Canceled'

/** A deployment as it is kept. Texts named `…Json` are JSON. */
export interface DeploymentRow {
  readonly seq: number
  readonly id: string
  readonly scope: string
  readonly name: string
  readonly state: DeploymentState
  readonly location: string | null
  readonly tagsJson: string | null
  readonly templateJson: string
  readonly templateHash: string
  readonly parametersJson: string
  readonly factsJson: string
  /** Parameters as they were given, values of secure ones among them; never shown. Absent in rows of before there were rollbacks. */
  readonly givenJson: string | null
  readonly linkJson: string | null
  readonly correlationId: string
  readonly statusId: string
  readonly startedAt: string
  readonly changedAt: string
  readonly outputsJson: string | null
  readonly resourcesJson: string | null
  readonly errorJson: string | null
}

/** One operation of a deployment: one resource. */
export interface OperationRow {
  readonly seq: number
  readonly id: string
  readonly deployment: string
  readonly target: string
  readonly action: 'Create' | 'Delete'
  readonly state: 'Running' | 'Succeeded' | 'Failed'
  readonly startedAt: string
  readonly endedAt: string | null
  readonly status: number | null
  readonly errorJson: string | null
}

export interface NewDeployment {
  readonly id: string
  readonly scope: string
  readonly name: string
  readonly location?: string | undefined
  readonly tags?: JsonObject | undefined
  readonly template: JsonObject
  readonly prepared: Prepared
  /** Parameters as they were given. */
  readonly parameters: Json | undefined
  readonly link: Link | undefined
  /** Where template and parameters were read, as an answer shows it. */
  readonly links: JsonObject
  readonly mode: 'Incremental' | 'Complete'
  readonly correlationId: string
}

const OPEN = `state IN ('Accepted', 'Running')`
/** Whether another deployment has the deployment `d` among its resources. */
const INSIDE = `EXISTS (SELECT 1 FROM deployments o, json_each(o.factsJson, '$.validated') v
  WHERE o.id <> d.id AND json_extract(v.value, '$.id') = d.id COLLATE NOCASE)`
const INTERRUPTED = JSON.stringify({
  code: 'DeploymentInterrupted',
  message: 'The emulator ended while this deployment was running. Deploy it again.',
})

/** Deployments and their operations, in the front's database. */
export class DeploymentStore {
  readonly #db: Database
  readonly #clock: Clock

  /** Opens the tables. Deployments that were under way when the emulator last ended are written down as failed. */
  constructor(db: Database, clock: Clock) {
    this.#db = db
    this.#clock = clock
    db.migrate(`
      CREATE TABLE IF NOT EXISTS deployments (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE COLLATE NOCASE, scope TEXT NOT NULL COLLATE NOCASE,
        name TEXT NOT NULL, state TEXT NOT NULL, location TEXT, tagsJson TEXT, templateJson TEXT NOT NULL,
        templateHash TEXT NOT NULL, parametersJson TEXT NOT NULL, factsJson TEXT NOT NULL, correlationId TEXT NOT NULL,
        statusId TEXT NOT NULL, startedAt TEXT NOT NULL, changedAt TEXT NOT NULL, outputsJson TEXT, resourcesJson TEXT,
        errorJson TEXT);
      CREATE INDEX IF NOT EXISTS deployments_by_scope ON deployments (scope, seq);
      CREATE TABLE IF NOT EXISTS deployment_operations (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, deployment TEXT NOT NULL COLLATE NOCASE,
        target TEXT NOT NULL, action TEXT NOT NULL DEFAULT 'Create', state TEXT NOT NULL, startedAt TEXT NOT NULL,
        endedAt TEXT, status INTEGER, errorJson TEXT);
      CREATE INDEX IF NOT EXISTS deployment_operations_by_deployment ON deployment_operations (deployment, seq);
      UPDATE deployments SET state = 'Failed', errorJson = '${INTERRUPTED}' WHERE ${OPEN};
      UPDATE deployment_operations SET state = 'Failed', errorJson = '${INTERRUPTED}' WHERE state = 'Running';`)
    const columns = db.all<{ name: string }>('PRAGMA table_info(deployment_operations)')
    if (!columns.some(({ name }) => name === 'action'))
      db.migrate("ALTER TABLE deployment_operations ADD COLUMN action TEXT NOT NULL DEFAULT 'Create'")
    if (!db.all<{ name: string }>('PRAGMA table_info(deployments)').some(({ name }) => name === 'givenJson'))
      db.migrate('ALTER TABLE deployments ADD COLUMN givenJson TEXT; ALTER TABLE deployments ADD COLUMN linkJson TEXT')
  }

  get(id: string): DeploymentRow | undefined {
    return this.#db.get<DeploymentRow>('SELECT * FROM deployments WHERE id = ?', id)
  }

  /** Newest first, those before `before`. */
  list(
    scope: string,
    page: { readonly before: number; readonly limit: number; readonly state?: string },
  ): DeploymentRow[] {
    return this.#db.all<DeploymentRow>(
      `SELECT * FROM deployments WHERE scope = ? AND seq < ? AND (? IS NULL OR state = ? COLLATE NOCASE)
       ORDER BY seq DESC LIMIT ?`,
      scope,
      page.before,
      page.state ?? null,
      page.state ?? null,
      page.limit,
    )
  }

  /** The newest deployment of the same scope that succeeded and stands inside no other. */
  lastSuccessful({ scope, id }: DeploymentRow): DeploymentRow | undefined {
    return this.#db.get<DeploymentRow>(
      `SELECT * FROM deployments d WHERE scope = ? AND state = 'Succeeded' AND id <> ? AND NOT ${INSIDE}
       ORDER BY seq DESC LIMIT 1`,
      scope,
      id,
    )
  }

  /** True for a deployment that another one made. */
  isNested({ id }: DeploymentRow): boolean {
    return this.#db.get(`SELECT 1 FROM deployments d WHERE id = ? AND ${INSIDE}`, id) !== undefined
  }

  /** Canonical ids of everything that a deployment names, with what its nested deployments name. */
  named(id: string): ReadonlySet<string> {
    const row = this.get(id)
    const { validated = [] } = (row === undefined ? {} : JSON.parse(row.factsJson)) as { validated?: { id: string }[] }
    const ids = validated.map((one) => one.id)
    const inside = ids.filter((one) => /\/microsoft\.resources\/deployments\/[^/]+$/i.test(one) && one !== id)
    return new Set([...ids.map(canonicalId), ...inside.flatMap((one) => [...this.named(one)])])
  }

  operations(id: string): OperationRow[] {
    return this.#db.all<OperationRow>('SELECT * FROM deployment_operations WHERE deployment = ? ORDER BY seq', id)
  }

  /** What a deployment would be kept as; a validation shows it and keeps nothing. */
  static draft(wanted: NewDeployment & { readonly now: string }): Omit<DeploymentRow, 'seq' | 'state'> {
    const { id, scope, name, location, tags, prepared, mode, link, links, now } = wanted
    const templateJson = JSON.stringify(wanted.template)
    return {
      id,
      scope,
      name,
      location: location ?? null,
      tagsJson: tags === undefined ? null : JSON.stringify(tags),
      templateJson,
      templateHash: hashOf(templateJson),
      parametersJson: JSON.stringify(prepared.parameters),
      factsJson: JSON.stringify({ mode, ...links, ...factsOf(prepared) }),
      givenJson: JSON.stringify(wanted.parameters ?? {}),
      linkJson: link === undefined ? null : JSON.stringify(link),
      correlationId: wanted.correlationId,
      statusId: randomBytes(8).toString('hex').toUpperCase(),
      startedAt: now,
      changedAt: now,
      outputsJson: null,
      resourcesJson: null,
      errorJson: null,
    }
  }

  /** Puts a new deployment in the place of an earlier one of the same id. Only inside a write. */
  begin(wanted: NewDeployment): DeploymentRow {
    const draft = DeploymentStore.draft({ ...wanted, now: this.#clock.iso() })
    this.remove(draft.id)
    const fields = Object.entries(draft)
    this.#db.run(
      `INSERT INTO deployments (state, ${fields.map(([name]) => name).join(', ')})
       VALUES ('Accepted'${', ?'.repeat(fields.length)})`,
      ...fields.map(([, value]) => value),
    )
    const row = this.get(draft.id)
    if (row === undefined) throw new Error(`deployment ${draft.id} is not there`)
    return row
  }

  /** Only inside a write. True if it was there. */
  remove(id: string): boolean {
    this.#db.run('DELETE FROM deployment_operations WHERE deployment = ?', id)
    return this.#db.run('DELETE FROM deployments WHERE id = ?', id).changes > 0
  }

  /** Writes down that work has begun. */
  running({ seq }: DeploymentRow): Promise<void> {
    return this.#db.write(() => void this.#db.run(`UPDATE deployments SET state = 'Running' WHERE seq = ?`, seq))
  }

  /** Writes down how a deployment ended, unless another has taken its place. `facts` are told besides. */
  finish({ seq }: DeploymentRow, result: DeploymentResult, facts: JsonObject = {}): Promise<void> {
    return this.#db.write(() => {
      this.#db.run(
        `UPDATE deployments SET state = ?, changedAt = ?, outputsJson = ?, resourcesJson = ?, errorJson = ?,
         factsJson = json_patch(factsJson, ?) WHERE seq = ?`,
        result.state,
        this.#clock.iso(),
        result.state === 'Succeeded' ? JSON.stringify(result.outputs) : null,
        JSON.stringify(result.outputResources),
        result.state === 'Failed' ? JSON.stringify(result.error) : null,
        JSON.stringify(facts),
        seq,
      )
    })
  }

  /** Writes down the operations of one deployment as they go. */
  recorder({ id: deployment }: DeploymentRow): Recorder {
    const begun = (target: string, action: 'Create' | 'Delete'): Promise<string> => {
      const id = randomBytes(8).toString('hex').toUpperCase()
      return this.#db.write(() => {
        this.#db.run(
          `INSERT INTO deployment_operations (id, deployment, target, action, state, startedAt)
           VALUES (?, ?, ?, ?, 'Running', ?)`,
          id,
          deployment,
          target,
          action,
          this.#clock.iso(),
        )
        return id
      })
    }
    const ended = (id: string, settled: Settled): Promise<void> =>
      this.#db.write(() => {
        this.#db.run(
          'UPDATE deployment_operations SET state = ?, endedAt = ?, status = ?, errorJson = ? WHERE id = ?',
          settled.ok ? 'Succeeded' : 'Failed',
          this.#clock.iso(),
          settled.status,
          settled.ok ? null : JSON.stringify(settled.error),
          id,
        )
      })
    return { begun, ended }
  }
}

/** Forgets the deployments of a resource group that is deleted, and what was asked of some that never were. Only inside a write. */
export function forgetDeployments(db: Database, scope: string): void {
  db.run(
    'DELETE FROM deployment_operations WHERE deployment IN (SELECT id FROM deployments WHERE scope = ? COLLATE NOCASE)',
    scope,
  )
  db.run('DELETE FROM deployments WHERE scope = ? COLLATE NOCASE', scope)
  db.run('DELETE FROM what_ifs WHERE substr(deployment, 1, ?) = ? COLLATE NOCASE', scope.length + 1, `${scope}/`)
}

/** A number of up to twenty digits, as the service shows. */
function hashOf(template: string): string {
  return createHash('sha256').update(template).digest().readBigUInt64BE().toString()
}

/** What an answer tells of the resources before they are deployed. */
function factsOf({ resources, waits }: Prepared): JsonObject {
  const deployed = resources.filter(({ condition, existing }) => condition && !existing)
  const dependencies = resources.flatMap((resource, index): Json[] => {
    const needed = (waits[index] ?? []).flatMap((one) => resources[one] ?? [])
    return needed.length === 0 ? [] : [{ dependsOn: needed.map(named), ...named(resource) }]
  })
  return { dependencies, providers: providersOf(deployed), validated: deployed.map(({ id }) => ({ id })) }
}

function named({ id }: Declared): JsonObject {
  const { type, name } = typeAndNameOf(id)
  return { id, resourceType: type, resourceName: name }
}

function providersOf(resources: readonly Declared[]): readonly Json[] {
  const spaces = Map.groupBy(resources, ({ type }) => type.split('/')[0] ?? '')
  return [...spaces].map(([namespace, members]) => ({
    namespace,
    resourceTypes: [...new Set(members.map(({ type }) => type.slice(namespace.length + 1)))].map((resourceType) => ({
      resourceType,
      locations: [null],
    })),
  }))
}
