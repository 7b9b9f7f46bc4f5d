import type { Call, Offer, Reply } from '../../call.ts'
import type { Clock } from '../../clock.ts'
import { notImplemented, Refusal } from '../../refusal.ts'
import type { Database } from '../../state/database.ts'

import { unescaped } from '../../unescaped.ts'
import { ROLES } from './roles.ts'

interface Assignment {
  readonly scope: string
  readonly name: string
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

/** Role assignments and definitions. They are kept and listed; nothing is refused for lack of a role. */
export class Authorization {
  readonly #db: Database
  readonly #clock: Clock

  constructor(db: Database, clock: Clock) {
    this.#db = db
    this.#clock = clock
    db.migrate(`CREATE TABLE IF NOT EXISTS role_assignments (
      scope TEXT NOT NULL COLLATE NOCASE, name TEXT NOT NULL COLLATE NOCASE, principal TEXT NOT NULL COLLATE NOCASE,
      role TEXT NOT NULL COLLATE NOCASE, properties TEXT NOT NULL, PRIMARY KEY (scope, name))`)
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
      if (this.#get(scope, name) !== undefined || this.#given(scope, principalId, role)) {
        throw new Refusal(409, 'RoleAssignmentExists', 'The role assignment already exists.')
      }
      const now = this.#clock.iso()
      const properties = {
        principalType: 'ServicePrincipal',
        condition: null,
        conditionVersion: null,
        ...sent,
        scope,
        createdOn: now,
        updatedOn: now,
        createdBy: call.caller.id,
        updatedBy: call.caller.id,
      }
      const made = { scope, name, properties: JSON.stringify(properties) }
      this.#db.run(
        'INSERT INTO role_assignments (scope, name, principal, role, properties) VALUES (?, ?, ?, ?, ?)',
        scope,
        name,
        principalId,
        role,
        made.properties,
      )
      return { status: 201, body: assignmentBody(made), note: { subject: idOf(made) } }
    })
  }

  #given(scope: string, principal: string, role: string): boolean {
    const sql = 'SELECT name FROM role_assignments WHERE scope = ? AND principal = ? AND role = ?'
    return this.#db.get(sql, scope, principal, role) !== undefined
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
    const found = this.#db.all<Assignment & { principal: string }>('SELECT * FROM role_assignments').filter((one) => {
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
