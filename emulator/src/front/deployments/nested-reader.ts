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

/** Reads nested deployments at their own places, before anything of the deployment around them is there. */
export function nestedReader(parts: {
  readonly front: FrontArm
  readonly sender: Sender
  readonly callerId: string
  readonly around: Place
}): Foreseeing['prepareNested'] {
  const { front, around } = parts
  return async ({ id, name }, body) => {
    const properties = property(body, 'properties')
    const template = isObject(properties) ? property(properties, 'template') : undefined
    if (!isObject(properties) || !isObject(template)) throw new TemplateViolation('it has no template of its own.')
    const scope = id.replace(/\/providers\/Microsoft\.Resources\/deployments\/[^/]+$/i, '')
    const request = { scope, name, template, properties, body, mode: 'Incremental' as const }
    const place = await placeOf(request, parts).catch((thrown) => future(thrown, { ...around, id: scope }, body))
    const now = () => front.clock.now()
    return { prepared: prepare({ template, parameters: property(properties, 'parameters'), place, now }), place }
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
