import { withoutLastSlashes, withoutOuterSlashes } from '../../slashes.ts'
import { lastProviders } from '../provider-of.ts'
import { TemplateViolation } from './violation.ts'

/** The id of a resource below a scope: `Microsoft.A/b/c` and `x/y` become `<scope>/providers/Microsoft.A/b/x/c/y`. */
export function resourceIdAt(scope: string, type: string, names: readonly string[]): string {
  // Many published templates end a type with a slash, which the service does not mind.
  const [namespace = '', ...types] = withoutLastSlashes(type).split('/')
  if (types.length === 0 || types.length !== names.length) {
    throw new TemplateViolation(
      `Unable to evaluate template language function 'resourceId': the type '${type}' requires '${types.length}' resource name argument(s), and '${names.length}' were given. Please see https://aka.ms/arm-resource-functions for usage details.`,
    )
  }
  const pairs = types.map((one, index) => `${one}/${names[index] ?? ''}`)
  // Resource groups are no provider's resources: their ids are older than that form.
  if (type.toLowerCase() === 'microsoft.resources/resourcegroups') return `${scope}/resourceGroups/${names[0]}`
  return `${scope === '/' ? '' : scope}/providers/${namespace}/${pairs.join('/')}`
}

/** The subscription that an id stands in, or an empty text. */
export function subscriptionOf(id: string): string {
  return /^\/subscriptions\/([^/]+)/i.exec(id)?.[1] ?? ''
}

/** The resource group that an id stands in, or `undefined`. */
export function resourceGroupOf(id: string): string | undefined {
  return /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)/i.exec(id)?.[1]
}

/** Whether a text has the form of an id and not of a name. */
export function isResourceId(text: string): boolean {
  return /^\/(subscriptions|providers)\//i.test(text)
}

/** `Microsoft.A/b/c` and `x/y` for an id that ends in `Microsoft.A/b/x/c/y`. */
export function typeAndNameOf(id: string): { readonly type: string; readonly name: string } {
  const segments = id.split('/').filter((segment) => segment !== '')
  const provider = lastProviders(segments)
  if (provider < 0) {
    const group = resourceGroupOf(id)
    return group === undefined
      ? { type: 'Microsoft.Resources/subscriptions', name: subscriptionOf(id) }
      : { type: 'Microsoft.Resources/resourceGroups', name: group }
  }
  const own = segments.slice(provider + 2)
  return {
    type: [segments[provider + 1], ...own.filter((_, index) => index % 2 === 0)].join('/'),
    name: own.filter((_, index) => index % 2 === 1).join('/'),
  }
}

/** Ids are equal whatever their case and whatever slashes stand at their ends. */
export function canonicalId(id: string): string {
  return `/${withoutOuterSlashes(id.toLowerCase())}`
}
