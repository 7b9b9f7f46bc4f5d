import type { Call, Offer, Reply } from '../../call.ts'
import type { Clock } from '../../clock.ts'
import { notImplemented, Refusal } from '../../refusal.ts'
import type { Database } from '../../state/database.ts'
import { unescaped } from '../../unescaped.ts'
import { KEPT_WHEN_DELETED } from './directory.ts'
import { ROLES } from './roles.ts'

interface Assignment {
  readonly scope: string
  readonly name: string
  readonly principal: string
  /** Name of the role's definition. */
  readonly role: string
  /** JSON of the properties. */
  readonly properties: string
}

const PATTERN = /^(.*)\/providers\/Microsoft\.Authorization\/([^/]+)(?:\/([^/]+))?\/*$/i

/** A path of Microsoft.Authorization below any scope. */
export interface AuthorizationPath {
  readonly scope: string
  readonly kind: string
  readonly name: string | undefined
}

export function authorizationPath(path: string): AuthorizationPath | undefined {
  const match = PATTERN.exec(path.replaceAll(/\/{2,}/g, '/'))
  if (match === null) return undefined
  const [, scope = '', kind = '', name] = match
  return { scope: unescaped(scope), kind: kind.toLowerCase(), name }
}

type Row = readonly [
  method: string,
  path: string,
  operation: string,
  answer: (call: Call, path: AuthorizationPath) => Reply | Promise<Reply>,
]

/**
 * Removes the assignments at a scope and below it with the group or the resource that the scope is.
 *
 * Those of a workspace stay: it may be had back.
 */
const GONE_WITH_SCOPE = `
  CREATE TRIGGER IF NOT EXISTS roles_of_group AFTER DELETE ON groups BEGIN
    DELETE FROM role_assignments WHERE ${isBelow(`'/subscriptions/' || OLD.subscription || '/resourceGroups/' || OLD.name || '/'`)};
  END;
  CREATE TRIGGER IF NOT EXISTS roles_of_resource AFTER DELETE ON directory
  WHEN OLD.type <> '${KEPT_WHEN_DELETED}' BEGIN
    DELETE FROM role_assignments WHERE ${isBelow(`OLD.id || '/'`)};
  END;`

function isBelow(scope: string): string {
  return `substr(scope || '/', 1, length(${scope})) COLLATE NOCASE = ${scope}`
}

/** Role assignments and definitions. They are kept and listed; nothing is refused for lack of a role. */
export class Authorization {
  readonly #db: Database
  readonly #clock: Clock

  /** The tables of {@link Groups} and of {@link Directory} are there before. */
  constructor(db: Database, clock: Clock) {
    this.#db = db
    this.#clock = clock
    db.migrate(`CREATE TABLE IF NOT EXISTS role_assignments (
      scope TEXT NOT NULL COLLATE NOCASE, name TEXT NOT NULL COLLATE NOCASE, principal TEXT NOT NULL COLLATE NOCASE,
      role TEXT NOT NULL COLLATE NOCASE, properties TEXT NOT NULL, PRIMARY KEY (scope, name));
      ${GONE_WITH_SCOPE}`)
  }

  /** Method and path below `Microsoft.Authorization`, the vendor's name, what answers. */
  readonly #table: readonly Row[] = [
    ['GET', 'roleDefinitions', 'RoleDefinitions_List', (call, path) => this.#definitions(call, path)],
    ['GET', 'roleDefinitions/:name', 'RoleDefinitions_Get', (call, path) => this.#definitions(call, path)],
    ['GET', 'permissions', 'Permissions_ListForResource', () => ({ status: 200, body: { value: [ALL] } })],
    ['GET', 'roleAssignments', 'RoleAssignments_ListForScope', (call, { scope }) => this.#list(call, scope)],
    ['GET', 'roleAssignments/:name', 'RoleAssignments_Get', (_call, path) => this.#one(path)],
    [
      'PUT',
      'roleAssignments/:name',
      'RoleAssignments_Create',
      (call, { scope, name = '' }) => this.#put(call, scope, name),
    ],
    [
      'DELETE',
      'roleAssignments/:name',
      'RoleAssignments_Delete',
      (call, { scope, name = '' }) => this.#delete(call, scope, name),
    ],
  ]

  get offers(): readonly Offer[] {
    return this.#table.map(([method, path, operation]) => ({
      operation,
      method,
      path: `/:scope/providers/Microsoft.Authorization/${path}`,
      served: true,
    }))
  }

  async handle(call: Call, path: AuthorizationPath): Promise<Reply> {
    const wanted = path.name === undefined ? path.kind : `${path.kind}/:name`
    const row = this.#table.find(([method, at]) => method === call.method && at.toLowerCase() === wanted)
    if (row === undefined) throw notImplemented(`Microsoft.Authorization/${wanted} ${call.method}`)
    call.operation = row[2]
    await call.admitted?.()
    return row[3](call, path)
  }

  #one({ scope, name }: AuthorizationPath): Reply {
    const found = this.#get(scope, name ?? '')
    if (found !== undefined) return { status: 200, body: assignmentBody(found) }
    throw new Refusal(404, 'RoleAssignmentNotFound', `The role assignment '${name}' is not found.`)
  }

  #get(scope: string, name: string): Assignment | undefined {
    return this.#db.get<Assignment>('SELECT * FROM role_assignments WHERE scope = ? AND name = ?', scope, name)
  }

  async #put(call: Call, scope: string, name: string): Promise<Reply> {
    const body = (await call.json()) as { properties?: Record<string, unknown> } | undefined
    const sent = body?.properties ?? {}
    const { principalId, roleDefinitionId } = sent
    if (typeof principalId !== 'string' || typeof roleDefinitionId !== 'string') {
      throw new Refusal(400, 'InvalidRoleAssignment', "The fields 'principalId' and 'roleDefinitionId' must be given.")
    }
    const role = roleDefinitionId.split('/').at(-1) ?? ''
    return call.commit(() => {
      const found = this.#get(scope, name)
      if (found === undefined) this.#refuseTwice(scope, principalId, role)
      else refuseOther(found, principalId, role)
      const [at, by] = [this.#clock.iso(), call.caller.id]
      const before: Readonly<Record<string, unknown>> = found === undefined ? {} : JSON.parse(found.properties)
      const { createdOn = at, createdBy = by } = before
      const properties = {
        principalType: 'ServicePrincipal',
        condition: null,
        conditionVersion: null,
        ...sent,
        scope: found?.scope ?? scope,
        createdOn,
        updatedOn: at,
        createdBy,
        updatedBy: by,
      }
      const made = { scope, name, ...found, principal: principalId, role, properties: JSON.stringify(properties) }
      this.#store(made)
      const status = found === undefined ? 201 : 200
      return { status, body: assignmentBody(made), note: { subject: idOf(made) } }
    })
  }

  #store({ scope, name, principal, role, properties }: Assignment): void {
    this.#db.run(
      `INSERT INTO role_assignments (scope, name, principal, role, properties) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (scope, name) DO UPDATE SET properties = excluded.properties`,
      scope,
      name,
      principal,
      role,
      properties,
    )
  }

  #refuseTwice(scope: string, principal: string, role: string): void {
    const sql = 'SELECT name FROM role_assignments WHERE scope = ? AND principal = ? AND role = ?'
    if (this.#db.get(sql, scope, principal, role) === undefined) return
    throw new Refusal(409, 'RoleAssignmentExists', 'The role assignment already exists.')
  }

  #delete(call: Call, scope: string, name: string): Promise<Reply> {
    return call.commit(() => {
      const found = this.#get(scope, name)
      if (found === undefined) return { status: 204 }
      this.#db.run('DELETE FROM role_assignments WHERE scope = ? AND name = ?', scope, name)
      return { status: 200, body: assignmentBody(found), note: { subject: idOf(found) } }
    })
  }

  /** Assignments at the scope and above it; below it too, unless the filter says `atScope()`. */
  #list(call: Call, scope: string): Reply {
    const filter = call.query.get('$filter') ?? ''
    const principal = /(?:principalId\s+eq\s+|assignedTo\(\s*)'([^']*)'/i.exec(filter)?.[1]?.toLowerCase()
    const downwards = !/atScope\(\)/i.test(filter)
    const here = `${scope.toLowerCase()}/`
    const found = this.#db.all<Assignment>('SELECT * FROM role_assignments').filter((one) => {
      const there = `${one.scope.toLowerCase()}/`
      const inScope = here.startsWith(there) || (downwards && there.startsWith(here))
      return inScope && (principal === undefined || one.principal.toLowerCase() === principal)
    })
    return { status: 200, body: { value: found.map(assignmentBody) } }
  }

  #definitions(call: Call, { scope, name }: AuthorizationPath): Reply {
    const roles = Object.entries(ROLES).map(([id, roleName]) => definitionBody(scope, id, roleName))
    if (name !== undefined) {
      const found = roles.find((role) => role.name === name.toLowerCase())
      if (found !== undefined) return { status: 200, body: found }
      throw new Refusal(
        404,
        'RoleDefinitionDoesNotExist',
        `The specified role definition with ID '${name}' does not exist.`,
      )
    }
    const wanted = /roleName\s+eq\s+'([^']*)'/i.exec(call.query.get('$filter') ?? '')?.[1]?.toLowerCase()
    const value = roles.filter((role) => wanted === undefined || role.properties.roleName.toLowerCase() === wanted)
    return { status: 200, body: { value } }
  }
}

const ALL = { actions: ['*'], notActions: [], dataActions: ['*'], notDataActions: [] }

/** A name may be written again, as every deployment of a template does, and names the same role of the same principal. */
function refuseOther(found: Assignment, principal: string, role: string): void {
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()
  if (same(found.principal, principal) && same(found.role, role)) return
  const message = 'Tenant ID, application ID, principal ID, and scope are not allowed to be updated.'
  throw new Refusal(400, 'RoleAssignmentUpdateNotPermitted', message)
}

function idOf({ scope, name }: { scope: string; name: string }): string {
  return `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`
}

function assignmentBody(one: Assignment): unknown {
  return {
    properties: JSON.parse(one.properties),
    id: idOf(one),
    type: 'Microsoft.Authorization/roleAssignments',
    name: one.name,
  }
}

function definitionBody(scope: string, name: string, roleName: string) {
  const subscription = /^\/subscriptions\/[^/]+/i.exec(scope)?.[0] ?? ''
  return {
    properties: {
      roleName,
      type: 'BuiltInRole',
      description: roleName,
      assignableScopes: ['/'],
      permissions: [ALL],
    },
    id: `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${name}`,
    type: 'Microsoft.Authorization/roleDefinitions',
    name,
  }
}
