import { isJsonObject, type Sender } from '../../arm/template/execute/sender.ts'
import { isObject, type JsonObject, property, textAt } from '../../arm/template/json.ts'
import type { Place } from '../../arm/template/language/scope.ts'
import { resourceGroupOf, subscriptionOf } from '../../arm/template/resource-ids.ts'
import { Refusal } from '../../refusal.ts'
import { TENANT } from '../../tokens.ts'
import { shownUri } from './links.ts'
import type { Request } from './request.ts'

/** What a template may say about its place, asked of ARM. A resource group that is not there is refused here. */
export async function placeOf(
  request: Pick<Request, 'scope' | 'name' | 'template' | 'parameters' | 'link' | 'mode'> & {
    readonly body: JsonObject
  },
  by: { readonly sender: Sender; readonly callerId: string },
): Promise<Place> {
  const { scope, name, template, body, mode, link } = request
  const { sender, callerId } = by
  const subscriptionId = subscriptionOf(scope)
  const location = property(body, 'location')
  const parameters = request.parameters ?? {}
  const linked = link === undefined ? {} : { templateLink: { uri: shownUri(link.uri) } }
  const told = { ...linked, template, parameters, mode, provisioningState: 'Accepted' }
  return {
    id: scope,
    subscription:
      subscriptionId === '' ? undefined : subscriptionFacts(await read(sender, `/subscriptions/${subscriptionId}`)),
    resourceGroup: resourceGroupOf(scope) === undefined ? undefined : await read(sender, scope),
    tenant: { countryCode: 'US', displayName: 'Emulator', id: `/tenants/${TENANT}`, tenantId: TENANT },
    deployment: { name, ...(location === undefined ? {} : { location }), properties: told },
    deployer: { objectId: callerId, tenantId: TENANT },
    link,
  }
}

function subscriptionFacts(own: JsonObject): JsonObject {
  const facts = ['id', 'subscriptionId', 'tenantId', 'displayName']
  return Object.fromEntries(facts.map((name) => [name, textAt(own, name) ?? '']))
}

async function read(sender: Sender, path: string): Promise<JsonObject> {
  const { status, body } = await sender.send('GET', `${encodeURI(path)}?api-version=2022-12-01`)
  if (status < 400 && isJsonObject(body)) return body
  const error = isJsonObject(body) ? property(body, 'error') : undefined
  const [code, message] = isObject(error) ? [textAt(error, 'code'), textAt(error, 'message')] : []
  throw new Refusal(status, code ?? 'InvalidScope', message ?? `The scope '${path}' was not found.`)
}
