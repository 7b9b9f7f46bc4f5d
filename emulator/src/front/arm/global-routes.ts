import type { Reply } from '../../call.ts'
import { Refusal } from '../../refusal.ts'
import { type Route, UNFINISHED } from '../../router.ts'
import { SUBSCRIPTION, TENANT } from '../../tokens.ts'
import { displayName, locationFacts } from './azure-locations.ts'
import type { Directory } from './directory.ts'
import { PROVIDERS } from './providers.ts'

/** Subscription, tenant, locations and providers: what a client asks before it asks for anything. */
export function globalRoutes(parts: { regions: readonly string[]; directory: Directory }): readonly Route[] {
  const { regions, directory } = parts
  const locations = (subscription: string) => regions.map((name) => locationFacts(name, subscription))
  const providers = (subscription: string | undefined) =>
    Object.keys(PROVIDERS).map((namespace) => provider(namespace, subscription, regions))
  const named = (params: Readonly<Record<string, string>>): Reply => {
    const namespace = namespaceOf(params['namespace'] ?? '')
    return ok(provider(namespace, params['subscription'], regions))
  }
  return [
    ['GET', '/subscriptions', 'Subscriptions_List', () => ok({ value: [subscription()], count: TOTAL })],
    ['GET', '/subscriptions/:subscription', 'Subscriptions_Get', () => ok(subscription())],
    [
      'GET',
      '/subscriptions/:subscription/locations',
      'Subscriptions_ListLocations',
      (_call, params) => ok({ value: locations(params['subscription'] ?? '') }),
    ],
    ['GET', '/tenants', 'Tenants_List', () => ok({ value: [tenant()] })],
    ['GET', '/providers', 'Providers_ListAtTenantScope', () => ok({ value: providers(undefined) })],
    ['GET', '/providers/:namespace', 'Providers_GetAtTenantScope', (_call, params) => named(params)],
    [
      'GET',
      '/subscriptions/:subscription/providers',
      'Providers_List',
      (_call, params) => ok({ value: providers(params['subscription']) }),
    ],
    ['GET', '/subscriptions/:subscription/providers/:namespace', 'Providers_Get', (_call, params) => named(params)],
    [
      'POST',
      '/subscriptions/:subscription/providers/:namespace/register',
      'Providers_Register',
      (_call, params) => ({ ...named(params), unlogged: true }),
    ],
    ['GET', '/providers/:namespace/operations', 'Operations_List', UNFINISHED],
    ['GET', '/subscriptions/:subscription/tagNames', 'Tags_List', UNFINISHED],
    nameCheck('Microsoft.Storage', 'Microsoft.Storage/storageAccounts', directory),
    nameCheck('Microsoft.KeyVault', 'Microsoft.KeyVault/vaults', directory),
    nameCheck('Microsoft.ContainerRegistry', 'Microsoft.ContainerRegistry/registries', directory),
  ]
}

const TOTAL = { type: 'Total', value: 1 }

function ok(body: unknown): Reply {
  return { status: 200, body }
}

function subscription(): unknown {
  return {
    id: `/subscriptions/${SUBSCRIPTION}`,
    authorizationSource: 'RoleBased',
    managedByTenants: [],
    subscriptionId: SUBSCRIPTION,
    tenantId: TENANT,
    displayName: 'Emulator',
    state: 'Enabled',
    subscriptionPolicies: {
      locationPlacementId: 'Public_2014-09-01',
      quotaId: 'Internal_2014-09-01',
      spendingLimit: 'Off',
    },
  }
}

function tenant(): unknown {
  return {
    id: `/tenants/${TENANT}`,
    tenantId: TENANT,
    countryCode: 'US',
    displayName: 'Emulator',
    domains: ['emulator.onmicrosoft.com'],
    tenantCategory: 'Home',
    defaultDomain: 'emulator.onmicrosoft.com',
    tenantType: 'AAD',
  }
}

function namespaceOf(wanted: string): string {
  const found = Object.keys(PROVIDERS).find((name) => name.toLowerCase() === wanted.toLowerCase())
  if (found !== undefined) return found
  throw new Refusal(404, 'InvalidResourceNamespace', `The resource namespace '${wanted}' is invalid.`)
}

function provider(namespace: string, subscriptionId: string | undefined, regions: readonly string[]): unknown {
  const scope = subscriptionId === undefined ? '' : `/subscriptions/${subscriptionId}`
  const types = PROVIDERS[namespace] ?? {}
  return {
    id: `${scope}/providers/${namespace}`,
    namespace,
    registrationPolicy: 'RegistrationRequired',
    registrationState: 'Registered',
    resourceTypes: Object.entries(types).map(([resourceType, apiVersions]) => ({
      resourceType,
      locations: regions.map(displayName),
      apiVersions,
      capabilities: 'SupportsTags, SupportsLocation',
    })),
  }
}

/** Global names are known here and in no region. */
function nameCheck(namespace: string, type: string, directory: Directory): Route {
  return [
    'POST',
    `/subscriptions/:subscription/providers/${namespace}/checkNameAvailability`,
    'CheckNameAvailability',
    async (call) => {
      const { name } = ((await call.json()) ?? {}) as { name?: unknown }
      if (typeof name !== 'string') throw new Refusal(400, 'InvalidRequestContent', "The field 'name' is missing.")
      const taken = directory.holder(type, name) !== undefined
      const why = { reason: 'AlreadyExists', message: `The name ${name} is already taken.` }
      return { status: 200, body: { nameAvailable: !taken, ...(taken ? why : {}) }, unlogged: true }
    },
  ]
}
