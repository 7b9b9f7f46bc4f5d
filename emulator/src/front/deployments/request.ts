import { isJsonObject } from '../../arm/template/execute/sender.ts'
import { isObject, type Json, type JsonObject, property, textAt } from '../../arm/template/json.ts'
import type { Link } from '../../arm/template/language/scope.ts'
import { unloggedBody } from '../../body-bytes.ts'
import type { Call } from '../../call.ts'
import { Refusal } from '../../refusal.ts'
import type { FrontArm } from '../front-arm.ts'
import { readLink, shownLink } from './links.ts'
import { parseLoosely } from './loose-json.ts'
import { type OnError, onErrorOf } from './rollback.ts'

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

/** What a deployment is made of, read from where it lies. */
export interface Content {
  readonly template: JsonObject
  /** Values by name, each in an object with `value` or `reference`. */
  readonly parameters: Json | undefined
  /** Where the template was read, unless it stood in the request. */
  readonly link: Link | undefined
  /** Links as answers show them. */
  readonly links: JsonObject
}

/** What a caller wants deployed, checked as far as the request alone can be. */
export interface Request extends Identity, Content {
  readonly body: JsonObject
  readonly properties: JsonObject
  readonly mode: Mode
  readonly onError: OnError | undefined
}

export function identity(params: Params): Identity {
  const { subscription, group, name = '' } = params
  const base = subscription === undefined ? '' : `/subscriptions/${subscription}`
  const scope = group === undefined ? base : `${base}/resourceGroups/${group}`
  return { scope, name, id: `${scope}/providers/Microsoft.Resources/deployments/${name}` }
}

/** Reads a request for a deployment with what it links to, or throws Azure's 400 for it. */
export async function requestOf(call: Call, params: Params, front: FrontArm): Promise<Request> {
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
  const onError = onErrorOf(properties, group !== undefined)
  const content = await contentOf(properties, { front, client: call.client })
  return { ...identity(params), body, properties, ...content, mode, onError }
}

/** The template and parameters of a deployment: those that it holds, or those that lie where its links lead. */
export async function contentOf(
  properties: JsonObject,
  by: { readonly front: FrontArm; readonly client: string },
): Promise<Content> {
  const template = given(properties, 'template')
  const templateLink = given(properties, 'templateLink')
  const parametersLink = given(properties, 'parametersLink')
  const parameters = property(properties, 'parameters')
  if ((template === undefined) === (templateLink === undefined)) {
    throw invalid("The request content is not valid: exactly one of 'template' and 'templateLink' must be given.")
  }
  if (parametersLink !== undefined && parameters !== undefined && parameters !== null) {
    throw invalid("The request content is not valid: only one of 'parameters' and 'parametersLink' can be given.")
  }
  const linked = templateLink && (await readLink(templateLink, by))
  const values = parametersLink && (await readLink(parametersLink, by))
  return {
    template: linked?.content ?? template ?? {},
    // A file of parameters holds them below a property of this name.
    parameters: values === undefined ? parameters : (property(values.content, 'parameters') ?? {}),
    link: linked?.link,
    links: {
      ...(templateLink && linked && { templateLink: shownLink(templateLink, linked.link) }),
      ...(parametersLink && values && { parametersLink: shownLink(parametersLink, values.link) }),
    },
  }
}

function given(properties: JsonObject, name: string): JsonObject | undefined {
  const value = property(properties, name)
  if (value === undefined || value === null) return undefined
  if (isObject(value)) return value
  throw invalid(`The request content is not valid: the property '${name}' must be an object.`)
}

/** The body, read past the activity log: it may hold values of secure parameters. */
async function bodyOf(call: Call): Promise<JsonObject> {
  const bytes = await unloggedBody(call, LIMIT)
  try {
    const body: unknown = parseLoosely(bytes.toString('utf8'))
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
