import { checkConditions, envelope, objectOf, one, propertiesOf, queryOf, storable } from '../arm/envelope.ts'
import type { Resource } from '../arm/resources.ts'
import type { Handler } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import type { Route } from '../router.ts'
import { listed, propertyOf } from './asset-lists.ts'
import { inWorkspace, typeOf, WORKSPACE, workspaceIdOf } from './paths.ts'
import { Secrets } from './secrets.ts'
import { workspaceOf } from './workspace-of.ts'

type Values = Readonly<Record<string, unknown>>

/** Connections to other services. Their credentials are shown by `listsecrets` alone. */
export function connectionRoutes(region: Region): readonly Route[] {
  const secrets = new Secrets(region.db)
  const path = `${WORKSPACE}/connections`
  return [
    ['GET', path, 'workspace_connections_list', list(region)],
    ['GET', `${path}/:name`, 'workspace_connections_get', (_call, params) => one(200, needed(region, params))],
    ['PUT', `${path}/:name`, 'workspace_connections_create', put(region, secrets)],
    ['PATCH', `${path}/:name`, 'workspace_connections_update', patch(region, secrets)],
    ['DELETE', `${path}/:name`, 'workspace_connections_delete', remove(region, secrets)],
    ['POST', `${path}/:name/listsecrets`, 'workspace_connections_list_secrets', listSecrets(region, secrets)],
  ]
}

function list(region: Region): Handler {
  return (call, params) => {
    const { id } = workspaceOf(region, workspaceIdOf(params))
    const [target, category] = [queryOf(call, 'target'), queryOf(call, 'category')?.toLowerCase()]
    const keep = (one: Resource) =>
      (target === undefined || propertyOf(one, 'target') === target) &&
      (category === undefined || String(propertyOf(one, 'category')).toLowerCase() === category)
    const wanted = { parent: id, type: typeOf('connections'), keep, newestFirst: false }
    return listed(region, call, wanted)
  }
}

function put(region: Region, secrets: Secrets): Handler {
  return async (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = inWorkspace(params, 'connections', params['name'])
    const sent = objectOf(storable(await call.json())['properties'], "The field 'properties'")
    for (const field of ['category', 'authType']) {
      if (sent[field] == null)
        throw new Refusal(400, 'InvalidRequestContent', `The field 'properties.${field}' is required.`)
    }
    return call.commit(() => {
      checkConditions(call, region.resources.get(id))
      secrets.remove(id)
      // 200 for a new one too: the 2024-04-01-preview client of azure-ai-ml refuses 201 here.
      return { ...one(200, stored(region, secrets, { id, sent, by: call.caller.id })), note: { subject: id } }
    })
  }
}

function patch(region: Region, secrets: Secrets): Handler {
  return async (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = inWorkspace(params, 'connections', params['name'])
    const sent = propertiesOf(storable(await call.json()))
    return call.commit(() => {
      const found = region.resources.need(id)
      checkConditions(call, found)
      const merged = { ...propertiesOf(found.body), ...sent }
      return { ...one(200, stored(region, secrets, { id, sent: merged, by: call.caller.id })), note: { subject: id } }
    })
  }
}

/** Stores a connection, and apart from it what is secret in it. */
function stored(region: Region, secrets: Secrets, of: { id: string; sent: Values; by: string }): Resource {
  const { credentials, value, ...open } = of.sent
  const secret = {
    ...(credentials == null ? {} : { credentials }),
    ...(value == null ? {} : { value }),
  }
  if (Object.keys(secret).length > 0) secrets.put(of.id, { ...secrets.get(of.id), ...secret })
  const properties = { group: groupOf(String(open['category'])), isSharedToAll: false, metadata: {}, ...open }
  return region.resources.put(of.id, { properties }, of.by)
}

function remove(region: Region, secrets: Secrets): Handler {
  return (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = inWorkspace(params, 'connections', params['name'])
    return call.commit(() => {
      checkConditions(call, region.resources.get(id))
      secrets.remove(id)
      return { status: region.resources.remove(id) ? 200 : 204, note: { subject: id } }
    })
  }
}

function listSecrets(region: Region, secrets: Secrets): Handler {
  return (_call, params) => {
    const connection = needed(region, params)
    const properties = { ...propertiesOf(connection.body), ...secrets.get(connection.id) }
    return one(200, connection, envelope(connection, properties))
  }
}

function groupOf(category: string): string {
  if (/sql|database|oracle|postgre|teradata|snowflake|redshift|mariadb/i.test(category)) return 'Database'
  if (/blob|lake|storage|s3|sftp|ftp|file/i.test(category)) return 'File'
  return /^(azure|aiservices|cognitive)/i.test(category) ? 'Azure' : 'ServicesAndApps'
}

function needed(region: Region, params: Readonly<Record<string, string>>): Resource {
  workspaceOf(region, workspaceIdOf(params))
  return region.resources.need(inWorkspace(params, 'connections', params['name']))
}
