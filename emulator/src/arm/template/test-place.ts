import type { Json } from './json.ts'
import { evaluateText } from './language/evaluate.ts'
import type { Place, Scope } from './language/scope.ts'
import { openTemplate } from './template-scope.ts'

export const SUBSCRIPTION_ID = '00000000-0000-0000-0000-000000000000'

/** A resource group for tests of the language. */
export const place: Place = {
  id: `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/examplegroup`,
  subscription: {
    id: `/subscriptions/${SUBSCRIPTION_ID}`,
    subscriptionId: SUBSCRIPTION_ID,
    tenantId: '11111111-1111-1111-1111-111111111111',
    displayName: 'Example',
  },
  resourceGroup: {
    id: `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/examplegroup`,
    name: 'examplegroup',
    type: 'Microsoft.Resources/resourceGroups',
    location: 'eastus2',
    tags: {},
    properties: { provisioningState: 'Succeeded' },
  },
  tenant: { tenantId: '11111111-1111-1111-1111-111111111111' },
  deployment: { name: 'example', properties: { mode: 'Incremental' } },
  deployer: { objectId: 'someone' },
}

/** A scope in which `parameters(…)` gives the values of `parameters`, each declared as what it is. */
export function scopeWith(parameters: Readonly<Record<string, Json>> = {}): Scope {
  const declared = Object.entries(parameters).map(([name, value]) => [
    name,
    { type: typeOf(value), defaultValue: value },
  ])
  const template = { parameters: Object.fromEntries(declared), resources: [] }
  return openTemplate({ template, given: undefined, place, now: () => 0 }).scope
}

/** The value of an expression written without its brackets. */
export function evaluated(expression: string, parameters: Readonly<Record<string, Json>> = {}): Json {
  return evaluateText(`[${expression}]`, scopeWith(parameters))
}

function typeOf(value: Json): string {
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return 'int'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'string' ? 'string' : 'object'
}
