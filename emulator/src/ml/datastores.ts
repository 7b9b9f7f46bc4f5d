import { checkConditions, flagOf, objectOf, one, queryOf, storable } from '../arm/envelope.ts'
import type { Resource } from '../arm/resources.ts'
import type { Handler, Reply } from '../call.ts'
import { lookup } from '../lookup.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import type { Route } from '../router.ts'
import { listed, propertyOf } from './asset-lists.ts'
import { inWorkspace, typeOf, WORKSPACE, workspaceIdOf } from './paths.ts'
import { Secrets } from './secrets.ts'
import { accountKeyOf, containerSasOf } from './storage-of.ts'
import { workspaceOf } from './workspace-of.ts'

type Values = Readonly<Record<string, unknown>>

/** Datastores: where a workspace finds data, and with which secret. A GET never shows the secret. */
export function datastoreRoutes(region: Region): readonly Route[] {
  const secrets = new Secrets(region.db)
  const path = `${WORKSPACE}/datastores`
  return [
    ['GET', path, 'datastores_list', list(region)],
    ['GET', `${path}/:name`, 'datastores_get', (_call, params) => one(200, needed(region, params))],
    ['PUT', `${path}/:name`, 'datastores_create_or_update', put(region, secrets)],
    ['DELETE', `${path}/:name`, 'datastores_delete', remove(region, secrets)],
    ['POST', `${path}/:name/listSecrets`, 'datastores_list_secrets', listSecrets(region, secrets)],
  ]
}

/** What each type of datastore cannot be without. */
const NEEDS: Readonly<Record<string, readonly string[]>> = lookup({
  azureblob: ['accountName', 'containerName'],
  azurefile: ['accountName', 'fileShareName'],
  azuredatalakegen2: ['accountName', 'filesystem'],
  azuredatalakegen1: ['storeName'],
  onelake: ['oneLakeWorkspaceName', 'artifact'],
  hdfs: ['nameNodeAddress'],
})

function list(region: Region): Handler {
  return (call, params) => {
    const { id } = workspaceOf(region, workspaceIdOf(params))
    const tests: ((one: Resource) => boolean)[] = []
    const isDefault = flagOf(call, 'isDefault')
    if (isDefault !== undefined) tests.push((one) => (propertyOf(one, 'isDefault') === true) === isDefault)
    const names = call.query.getAll('names').flatMap((text) => text.toLowerCase().split(','))
    if (names.length > 0) tests.push((one) => names.includes(one.name.toLowerCase()))
    const text = queryOf(call, 'searchText')?.toLowerCase()
    if (text !== undefined) tests.push((one) => one.name.toLowerCase().includes(text))
    const wanted = {
      parent: id,
      type: typeOf('datastores'),
      keep: (one: Resource) => tests.every((test) => test(one)),
      newestFirst: flagOf(call, 'orderByAsc') === false && queryOf(call, 'orderBy') !== undefined,
    }
    return listed(region, call, wanted)
  }
}

function put(region: Region, secrets: Secrets): Handler {
  return async (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = inWorkspace(params, 'datastores', params['name'])
    const sent = objectOf(storable(await call.json())['properties'], "The field 'properties'")
    checkFields(sent)
    const { secrets: secret, ...credentials } = objectOf(
      sent['credentials'] ?? NONE,
      "The field 'properties.credentials'",
    )
    if (flagOf(call, 'skipValidation') !== true) checkKey(region, sent, secret)
    return call.commit(() => {
      const found = region.resources.get(id)
      checkConditions(call, found)
      refuseOtherType(found, sent)
      const isDefault = found !== undefined && propertyOf(found, 'isDefault') === true
      const properties = { ...USUAL, ...sent, credentials, isDefault }
      keepSecret(secrets, { id, found, credentials, secret })
      const datastore = region.resources.put(id, { properties }, call.caller.id)
      return { ...one(found === undefined ? 201 : 200, datastore), note: { subject: id } }
    })
  }
}

const NONE = { credentialsType: 'None' }
const USUAL = { description: null, tags: {}, properties: null, serviceDataAccessAuthIdentity: 'None' }

function checkFields(sent: Values): void {
  const type = String(sent['datastoreType'] ?? '')
  const needs = NEEDS[type.toLowerCase()]
  if (needs === undefined) {
    throw new Refusal(400, 'InvalidRequestContent', `The field 'properties.datastoreType' has no value '${type}'.`)
  }
  for (const field of needs) {
    if (sent[field] == null)
      throw new Refusal(400, 'InvalidRequestContent', `The field 'properties.${field}' is required.`)
  }
}

/** Refuses a key that is not one of the account's, where the account is in this region. */
function checkKey(region: Region, sent: Values, secret: unknown): void {
  const key = (secret as Values | undefined)?.['key']
  const account = region.blobs.account(String(sent['accountName'] ?? '').toLowerCase())
  if (typeof key !== 'string' || account === undefined || account.keys.includes(key)) return
  const message = `The account key is not one of the storage account '${account.name}'.`
  throw new Refusal(400, 'UserError', message)
}

function refuseOtherType(found: Resource | undefined, sent: Values): void {
  if (found === undefined) return
  const before = String(propertyOf(found, 'datastoreType'))
  if (before.toLowerCase() === String(sent['datastoreType']).toLowerCase()) return
  throw new Refusal(
    400,
    'UserError',
    `The datastore '${found.name}' is of the type ${before}, which cannot be changed.`,
  )
}

/** Keeps the secret that was sent; without one, what is there stays if the way to sign is the same. */
function keepSecret(
  secrets: Secrets,
  of: { id: string; found: Resource | undefined; credentials: Values; secret: unknown },
): void {
  if (of.secret != null) {
    secrets.put(of.id, objectOf(of.secret, "The field 'properties.credentials.secrets'"))
    return
  }
  const before = of.found === undefined ? undefined : (propertyOf(of.found, 'credentials') as Values)
  if (before?.['credentialsType'] !== of.credentials['credentialsType']) secrets.remove(of.id)
}

function remove(region: Region, secrets: Secrets): Handler {
  return (call, params) => {
    workspaceOf(region, workspaceIdOf(params))
    const id = inWorkspace(params, 'datastores', params['name'])
    return call.commit(() => {
      checkConditions(call, region.resources.get(id))
      secrets.remove(id)
      return { status: region.resources.remove(id) ? 200 : 204, note: { subject: id } }
    })
  }
}

function listSecrets(region: Region, secrets: Secrets): Handler {
  return async (call, params): Promise<Reply> => {
    const datastore = needed(region, params)
    const asked = objectOf((await call.json()) ?? {}, 'The request body')
    return { status: 200, body: secretOf(region, { datastore, kept: secrets.get(datastore.id), asked }) }
  }
}

/** What opens the datastore: a container SAS where the asker wants one that expires, else what is kept. */
function secretOf(region: Region, of: { datastore: Resource; kept: Values | undefined; asked: Values }): Values {
  const { datastore, kept, asked } = of
  const type = (propertyOf(datastore, 'credentials') as Values)['credentialsType']
  if (type === 'None') {
    throw new Refusal(400, 'UserError', `The datastore '${datastore.name}' has no credentials.`)
  }
  if (type !== 'AccountKey') return kept ?? { secretsType: type }
  const account = String(propertyOf(datastore, 'accountName'))
  const key = typeof kept?.['key'] === 'string' ? kept['key'] : accountKeyOf(region, account)
  const container = propertyOf(datastore, 'containerName')
  // `jobs.stream` of azure-ai-ml signs the URLs of logs with what it gets here, whatever it is, so it needs the key.
  const expires = asked['expirableSecret'] === true && datastore.name.toLowerCase() !== 'workspaceartifactstore'
  if (!expires || typeof container !== 'string') return { secretsType: 'AccountKey', key }
  const hours = typeof asked['expireAfterHours'] === 'number' ? asked['expireAfterHours'] : 1
  return { secretsType: 'Sas', sasToken: containerSasOf(region, { account, container, hours, key }) }
}

function needed(region: Region, params: Readonly<Record<string, string>>): Resource {
  workspaceOf(region, workspaceIdOf(params))
  return region.resources.need(inWorkspace(params, 'datastores', params['name']))
}
