import { type ArmError, errorOf, isJsonObject, Sender } from '../../arm/template/execute/sender.ts'
import { isArray, isObject, type Json, type JsonObject, property, textAt } from '../../arm/template/json.ts'
import { canonicalId } from '../../arm/template/resource-ids.ts'
import type { Call, Reply } from '../../call.ts'
import { Refusal } from '../../refusal.ts'
import type { Route } from '../../router.ts'
import { PROVIDERS } from '../arm/providers.ts'
import type { FrontArm } from '../front-arm.ts'
import { identity, type Params } from './request.ts'

const SCHEMA = 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'
/** For types whose versions nobody looks up. */
const ANY_VERSION = '2023-01-01'
/** What a template does not say of a resource: it is said otherwise, or by the service alone. */
const LEFT_OUT = new Set(['id', 'name', 'type', 'etag', 'systemdata', 'properties'])

/** The template that makes the top-level resources of a group as they are. Children are not in it. */
export function groupExport(front: FrontArm): Route {
  const path = '/subscriptions/:subscription/resourceGroups/:group/exportTemplate'
  return ['POST', path, 'ResourceGroups_ExportTemplate', (call, params) => exported(front, call, params)]
}

async function exported(front: FrontArm, call: Call, params: Params): Promise<Reply> {
  const sent = await call.json()
  const wanted = idsOf(isJsonObject(sent) ? sent : {})
  const options = isJsonObject(sent) ? (textAt(sent, 'options') ?? '') : ''
  const sender = new Sender(front, { authorization: call.headers.authorization ?? '', client: call.client })
  const { scope } = identity(params)
  const list = await sender.send('GET', `${encodeURI(scope)}/resources?api-version=2021-04-01`)
  if (list.status >= 400) {
    const { code, message } = errorOf(list)
    throw new Refusal(list.status, code, message)
  }
  const value = isJsonObject(list.body) ? property(list.body, 'value') : undefined
  const listed = (isArray(value) ? value.filter(isObject) : []).filter((one) => wanted(textAt(one, 'id') ?? ''))
  const parameters: Record<string, Json> = {}
  const resources: JsonObject[] = []
  const details: ArmError[] = []
  for (const one of listed) {
    const id = textAt(one, 'id') ?? ''
    const apiVersion = versionOf(textAt(one, 'type') ?? '')
    const answer = await sender.send('GET', `${encodeURI(id)}?api-version=${apiVersion}`)
    if (answer.status >= 400 || !isJsonObject(answer.body)) details.push({ ...errorOf(answer), target: id })
    else resources.push(resourceOf(answer.body, apiVersion, named(answer.body, options, parameters)))
  }
  const template = { $schema: SCHEMA, contentVersion: '1.0.0.0', parameters, variables: {}, resources }
  const error = details.length === 0 ? {} : { error: incomplete(details) }
  return { status: 200, body: { template, ...error }, unlogged: true }
}

function idsOf(sent: JsonObject): (id: string) => boolean {
  const resources = property(sent, 'resources')
  const ids = (isArray(resources) ? resources : ['*']).map(String)
  const wanted = new Set(ids.map(canonicalId))
  return (id) => ids.includes('*') || wanted.has(canonicalId(id))
}

/** A name as the template has it: a parameter, unless the caller wants none. */
function named(body: JsonObject, options: string, parameters: Record<string, Json>): string {
  const name = textAt(body, 'name') ?? ''
  if (/Skip(ResourceName|All)Parameterization/i.test(options)) return name
  const kind = (textAt(body, 'type') ?? '').split('/').at(-1)
  const parameter = `${kind}_${name}_name`.replace(/\W/g, '_')
  const shown = /IncludeParameterDefaultValue/i.test(options) ? { defaultValue: name } : {}
  parameters[parameter] = { ...shown, type: 'String' }
  return `[parameters('${parameter}')]`
}

function resourceOf(body: JsonObject, apiVersion: string, name: string): JsonObject {
  const others = Object.entries(body).filter(([key]) => !LEFT_OUT.has(key.toLowerCase()))
  const { provisioningState: _, ...properties } = propertiesOf(body)
  return { type: textAt(body, 'type') ?? '', apiVersion, name, ...Object.fromEntries(others), properties }
}

function propertiesOf(body: JsonObject): JsonObject {
  const properties = property(body, 'properties')
  return isObject(properties) ? properties : {}
}

function versionOf(type: string): string {
  const [namespace = '', kind = ''] = type.split('/')
  const known = Object.entries(PROVIDERS).find(([name]) => name.toLowerCase() === namespace.toLowerCase())?.[1] ?? {}
  const versions = Object.entries(known).find(([name]) => name.toLowerCase() === kind.toLowerCase())?.[1]
  return versions?.[0] ?? ANY_VERSION
}

function incomplete(details: readonly ArmError[]): ArmError {
  const message =
    'Export template operation completed with errors. Some resources were not exported. Please see details.'
  return { code: 'ExportTemplateCompletedWithErrors', message, details }
}
