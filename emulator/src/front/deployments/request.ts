import { isJsonObject } from '../../arm/template/execute/sender.ts'
import { isObject, type Json, type JsonObject, property, textAt } from '../../arm/template/json.ts'
import type { Call } from '../../call.ts'
import { notImplemented, Refusal } from '../../refusal.ts'
import { parseLoosely } from './loose-json.ts'

const LIMIT = 4 * 1024 * 1024

export type Params = Readonly<Record<string, string>>
export type Mode = 'Incremental' | 'Complete'

/** Where a deployment stands. */
export interface Identity {
  readonly id: string
  /** Id of the resource group or subscription; empty for the tenant. */
  readonly scope: string
  readonly name: string
}

/** What a caller wants deployed, checked as far as the request alone can be. */
export interface Request extends Identity {
  readonly body: JsonObject
  readonly properties: JsonObject
  readonly template: JsonObject
  readonly mode: Mode
}

export function identity(params: Params): Identity {
  const { subscription, group, name = '' } = params
  const base = subscription === undefined ? '' : `/subscriptions/${subscription}`
  const scope = group === undefined ? base : `${base}/resourceGroups/${group}`
  return { scope, name, id: `${scope}/providers/Microsoft.Resources/deployments/${name}` }
}

/** Reads a request for a deployment, or throws Azure's 400 for it. */
export async function requestOf(call: Call, params: Params): Promise<Request> {
  const body = await bodyOf(call)
  const properties = property(body, 'properties')
  const { name = '', group } = params
  if (!isObject(properties)) throw invalid("The request content is not valid: the property 'properties' is missing.")
  if (!/^[-\w.()]{1,64}$/.test(name)) {
    const message = `The deployment name '${name}' is not valid: it may have 1 to 64 letters, digits, and the characters '-', '_', '.', '(' and ')'.`
    throw new Refusal(400, 'InvalidDeploymentName', message)
  }
  if (group === undefined && textAt(body, 'location') === undefined) {
    throw new Refusal(400, 'LocationRequired', `The 'location' property must be specified for '${name}'.`)
  }
  const mode = modeOf(properties, group !== undefined)
  refuseAbsent(properties)
  const template = property(properties, 'template')
  if (isObject(template)) return { ...identity(params), body, properties, template, mode }
  throw invalid("The request content is not valid: one of 'template' and 'templateLink' must be given.")
}

/** The body, read past the activity log: it may hold values of secure parameters. */
async function bodyOf(call: Call): Promise<JsonObject> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of call.body) {
    size += chunk.length
    if (size > LIMIT) {
      const message = `The request content size exceeds the maximum size of ${LIMIT} bytes.`
      throw new Refusal(413, 'RequestContentTooLarge', message)
    }
    chunks.push(chunk)
  }
  try {
    const body: unknown = parseLoosely(Buffer.concat(chunks).toString('utf8'))
    if (isJsonObject(body)) return body
  } catch (failure) {
    throw invalid(`The request content was invalid and could not be deserialized: '${(failure as Error).message}'.`)
  }
  throw invalid('The request content was invalid: it is not a JSON object.')
}

function invalid(message: string): Refusal {
  return new Refusal(400, 'InvalidRequestContent', message)
}

/** Complete is for resource groups: what else there is in a subscription or tenant is nobody's to take away. */
function modeOf(properties: JsonObject, inGroup: boolean): Mode {
  const mode = textAt(properties, 'mode') ?? 'Incremental'
  if (/^incremental$/i.test(mode)) return 'Incremental'
  if (/^complete$/i.test(mode) && inGroup) return 'Complete'
  const why = /^complete$/i.test(mode) ? 'is for deployments of resource groups' : 'is not valid'
  throw new Refusal(400, 'InvalidDeploymentMode', `The deployment mode '${mode}' ${why}.`)
}

function refuseAbsent(properties: JsonObject): void {
  for (const link of ['templateLink', 'parametersLink', 'onErrorDeployment']) {
    const value = property(properties, link)
    if (value !== undefined && value !== null) throw notImplemented(`Deployments_CreateOrUpdate with ${link}`)
  }
  refuseVaultReferences(property(properties, 'parameters'))
}

function refuseVaultReferences(parameters: Json | undefined): void {
  const holders = isObject(parameters) ? Object.values(parameters) : []
  if (holders.some((holder) => isObject(holder) && property(holder, 'reference') !== undefined)) {
    throw notImplemented('Deployments_CreateOrUpdate with a parameter that refers to a secret of a key vault')
  }
}
