import { isJsonObject } from '../../arm/template/execute/sender.ts'
import { isObject, type Json, type JsonObject, property, textAt } from '../../arm/template/json.ts'
import { Refusal } from '../../refusal.ts'
import type { FrontArm } from '../front-arm.ts'

const AUDIENCE = 'https://vault.azure.net'
const VERSION = '7.4'
const LIMIT = 1024 * 1024
const VAULT = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.KeyVault\/vaults\/[^/]+$/i
const STATUS: Readonly<Record<number, string>> = { 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound' }
const HELP = 'Please see https://aka.ms/arm-keyvault for usage details.'

export interface Asking {
  readonly front: FrontArm
  /** One request to ARM in the caller's name. */
  send(method: string, path: string): Promise<{ readonly status: number; readonly body: unknown }>
  readonly callerId: string
  readonly client: string
}

/**
 * Parameters with the values of those that only say where a key vault has theirs. The reference stays beside the value.
 *
 * Throws ARM's errors for a vault that is not there, one that is closed to deployments, and a secret that it does not give.
 */
export async function withSecrets(parameters: Json | undefined, asking: Asking): Promise<Json | undefined> {
  if (!isObject(parameters)) return parameters
  const entries = Object.entries(parameters).map(async ([name, holder]): Promise<[string, Json]> => {
    const reference = isObject(holder) ? property(holder, 'reference') : undefined
    if (reference === undefined || reference === null) return [name, holder]
    if (!isObject(reference)) throw invalid(name)
    return [name, { reference, value: await secretOf(name, reference, asking) }]
  })
  return Object.fromEntries(await Promise.all(entries))
}

async function secretOf(name: string, reference: JsonObject, asking: Asking): Promise<string> {
  const holder = property(reference, 'keyVault')
  const id = isObject(holder) ? textAt(holder, 'id') : undefined
  const secret = textAt(reference, 'secretName')
  if (id === undefined || !VAULT.test(id) || secret === undefined) throw invalid(name)
  const answer = await asking.send('GET', `${encodeURI(id)}?api-version=2023-07-01`)
  const properties = isJsonObject(answer.body) ? property(answer.body, 'properties') : undefined
  if (answer.status === 404 || !isObject(properties)) {
    const message = `The specified KeyVault '${id}' could not be found. ${HELP}`
    throw new Refusal(400, 'KeyVaultParameterReferenceNotFound', message)
  }
  if (property(properties, 'enabledForTemplateDeployment') !== true) {
    throw unread(name, 403, 'The vault is not enabled for template deployment.')
  }
  const path = [secret, textAt(reference, 'secretVersion') ?? ''].map(encodeURIComponent).join('/')
  const url = new URL(`${textAt(properties, 'vaultUri') ?? ''}secrets/${path}?api-version=${VERSION}`)
  const { front, client, callerId } = asking
  const read = await front.read({ url, client, as: { caller: callerId, audience: AUDIENCE }, limit: LIMIT })
  if (read === undefined) throw unread(name, 503, 'The vault is not reachable.')
  const body: unknown = JSON.parse(read.bytes.toString('utf8'))
  const value = isJsonObject(body) ? textAt(body, 'value') : undefined
  if (read.status === 200 && value !== undefined) return value
  const error = isJsonObject(body) ? property(body, 'error') : undefined
  throw unread(name, read.status, (isObject(error) ? textAt(error, 'message') : undefined) ?? '')
}

function unread(name: string, status: number, message: string): Refusal {
  return new Refusal(
    400,
    'KeyVaultParameterReferenceSecretRetrieveFailed',
    `The secret of KeyVault parameter '${name}' cannot be retrieved. Http status code: '${STATUS[status] ?? status}'. Error message: '${message}'. ${HELP}`,
  )
}

function invalid(name: string): Refusal {
  const message = `The reference of the parameter '${name}' is not valid: it must name a key vault by 'keyVault.id' and a secret by 'secretName'. ${HELP}`
  return new Refusal(400, 'InvalidRequestContent', message)
}
