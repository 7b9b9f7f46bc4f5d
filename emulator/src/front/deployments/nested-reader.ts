import type { Sender } from '../../arm/template/execute/sender.ts'
import { isObject, type JsonObject, property, textAt } from '../../arm/template/json.ts'
import type { Place } from '../../arm/template/language/scope.ts'
import { prepare } from '../../arm/template/prepare.ts'
import { resourceGroupOf } from '../../arm/template/resource-ids.ts'
import { TemplateViolation } from '../../arm/template/violation.ts'
import type { Foreseeing } from '../../arm/template/what-if/foresee.ts'
import { Refusal } from '../../refusal.ts'
import type { FrontArm } from '../front-arm.ts'
import { placeOf } from './place.ts'
import { contentOf } from './request.ts'
import { withSecrets } from './vault-references.ts'

/** Reads nested deployments at their own places, before anything of the deployment around them is there. */
export function nestedReader(parts: {
  readonly front: FrontArm
  readonly sender: Sender
  readonly callerId: string
  readonly client: string
  readonly around: Place
}): Foreseeing['prepareNested'] {
  const { front, around } = parts
  return async ({ id, name }, body) => {
    const properties = property(body, 'properties')
    if (!isObject(properties)) throw new TemplateViolation('it has no template of its own.')
    const content = await readable(contentOf(properties, parts))
    const { template, parameters } = content
    const scope = id.replace(/\/providers\/Microsoft\.Resources\/deployments\/[^/]+$/i, '')
    const request = { ...content, scope, name, body, mode: 'Incremental' as const }
    const place = await placeOf(request, parts).catch((thrown) => future(thrown, { ...around, id: scope }, body))
    const now = () => front.clock.now()
    const asking = { ...parts, send: (method: string, path: string) => parts.sender.send(method, path) }
    const values = await readable(withSecrets(parameters, asking))
    return { prepared: prepare({ template, parameters: values, place, now }), place }
  }
}

/** What cannot be read yet is said of the nested deployment alone: what it links to may wait for a live resource. */
async function readable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (thrown) {
    throw thrown instanceof Refusal && thrown.status === 400 ? new TemplateViolation(thrown.message) : thrown
  }
}

/** The place of a resource group that is not there yet: an earlier resource of the template may make it. */
function future(thrown: unknown, place: Place, body: JsonObject): Place {
  const name = resourceGroupOf(place.id)
  if (!(thrown instanceof Refusal) || thrown.status !== 404 || name === undefined) throw thrown
  const location = textAt(body, 'location') ?? textAt(place.deployment, 'location') ?? ''
  const properties = { provisioningState: 'Succeeded' }
  const resourceGroup = { id: place.id, name, type: 'Microsoft.Resources/resourceGroups', location, properties }
  return { ...place, resourceGroup }
}
