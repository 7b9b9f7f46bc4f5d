import { objectOf } from '../arm/envelope.ts'
import type { Handler } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import type { Route } from '../router.ts'
import { limitOf, type Priority, plain, sumOf, type Taker, takersOf } from './cores.ts'
import { LOCATION, NAMESPACE } from './paths.ts'
import { USUAL_LIMIT, VM_FAMILIES, VM_SIZES } from './vm-sizes.ts'

const PRIORITIES: readonly Priority[] = ['Dedicated', 'LowPriority']
/** Segments of a workspace's id, the empty one before the first slash among them. */
const WORKSPACE_SEGMENTS = 9
/** Clusters that a region may have, and cores of all families together. */
const CLUSTERS = 500
const TOTALS = { Dedicated: ['dedicatedCores', 10_000], LowPriority: ['lowPriorityCores', 3000] } as const

/** What a region has to give: sizes of machines, cores that may be used, cores that are. */
export function capacityRoutes(region: Region): readonly Route[] {
  region.db.migrate(
    'CREATE TABLE IF NOT EXISTS ml_quotas (family TEXT PRIMARY KEY COLLATE NOCASE, cores INTEGER NOT NULL)',
  )
  return [
    [
      'GET',
      `${LOCATION}/vmSizes`,
      'virtual_machine_sizes_list',
      () => ({ status: 200, body: { value: VM_SIZES.map(shownSize) } }),
    ],
    ['GET', `${LOCATION}/usages`, 'usages_list', usages(region)],
    ['GET', `${LOCATION}/quotas`, 'quotas_list', quotas(region)],
    ['POST', `${LOCATION}/updateQuotas`, 'quotas_update', updateQuotas(region)],
  ]
}

/** What an answer of usages calls the cores of a family, as the examples of the vendor's specification have it. */
function quotaName(family: string, priority: Priority): string {
  const words = family.replace(/^standard/i, 'Standard ').replace(/Family$/, ' Family')
  return `${words} Cluster ${priority} vCPUs`
}

function usages(region: Region): Handler {
  return (_call, { s = '' }) => {
    const takers = takersOf(region)
    const clusters = { value: takers.length, limit: CLUSTERS, type: 'totalCores', name: 'Clusters' }
    const rows = PRIORITIES.flatMap((priority) => {
      const of = takers.filter((one) => one.priority === priority)
      return [totalRow(of, priority), ...VM_FAMILIES.flatMap((family) => familyRows(region, of, { family, priority }))]
    })
    return { status: 200, body: { value: [clusters, ...rows].map((row) => shownUsage(region, s, row)) } }
  }
}

interface UsageRow {
  readonly value: number
  readonly limit: number
  readonly type: string
  readonly name: string
  /** Whose cores they are; the subscription's where nothing is said. */
  readonly of?: string
}

function totalRow(takers: readonly Taker[], priority: Priority): UsageRow {
  const [type, limit] = TOTALS[priority]
  return { value: sumOf(takers), limit, type, name: `Total Cluster ${priority} Regional vCPUs` }
}

/** The cores of a family in all, by workspace, and by compute. */
function familyRows(
  region: Region,
  all: readonly Taker[],
  { family, priority }: { readonly family: string; readonly priority: Priority },
): readonly UsageRow[] {
  const of = all.filter((one) => one.family === family)
  const shared = { limit: limitOf(region, family, priority), name: quotaName(family, priority) }
  const workspaces = Map.groupBy(of, ({ id }) => id.split('/').slice(0, WORKSPACE_SEGMENTS).join('/'))
  return [
    { ...shared, value: sumOf(of), type: 'vmFamily' },
    ...[...workspaces].map(([id, takers]) => ({ ...shared, value: sumOf(takers), type: 'workspaces', of: id })),
    ...of
      .filter(({ id }) => /\/computes\/[^/]+$/i.test(id))
      .map(({ id, cores }) => ({ ...shared, value: cores, type: 'workspaces/computes', of: id })),
  ]
}

function shownUsage(region: Region, subscription: string, { value, limit, type, name, of }: UsageRow): unknown {
  const last = type.endsWith('Cores') ? '' : `/${name.replaceAll(' ', '_')}`
  return {
    id: `${of ?? `/subscriptions/${subscription}`}/usages${last}`,
    amlWorkspaceLocation: region.name,
    type: `${NAMESPACE}/${type}/usages`,
    unit: 'Count',
    currentValue: value,
    limit,
    name: { value: name, localizedValue: name },
  }
}

function quotas(region: Region): Handler {
  return (_call, { s = '' }) => ({
    status: 200,
    body: {
      value: VM_FAMILIES.map((family) => {
        const name = quotaName(family, 'Dedicated')
        return {
          id: `/subscriptions/${s}/quotas/${name.replaceAll(' ', '_')}`,
          amlWorkspaceLocation: region.name,
          type: `${NAMESPACE}/vmFamily/quotas`,
          limit: limitOf(region, family),
          unit: 'Count',
          name: { value: name, localizedValue: name },
        }
      }),
    },
  })
}

/** Sets limits by family, the last segment of each id: how a test takes the cores of a region away. */
function updateQuotas(region: Region): Handler {
  return async (call) => {
    const { value } = objectOf(await call.json(), 'The request body')
    if (!Array.isArray(value)) throw new Refusal(400, 'InvalidRequestContent', "The field 'value' is not a list.")
    const wanted = value.map((one) => objectOf(one, "An item of 'value'"))
    return call.commit(() => {
      const answers = wanted.map((one) => {
        const family =
          String(one['id'] ?? '')
            .split('/')
            .at(-1) ?? ''
        const cores = Number(one['limit'])
        const known = VM_FAMILIES.find((each) => plain(each) === plain(family))
        if (known === undefined) return { ...one, status: 'InvalidVMFamilyName' }
        if (!Number.isInteger(cores) || cores < -1) return { ...one, status: 'Failure' }
        if (!Number.isSafeInteger(cores)) return { ...one, status: 'InvalidQuotaExceedsSubscriptionLimit' }
        region.db.run(
          'INSERT OR REPLACE INTO ml_quotas (family, cores) VALUES (?, ?)',
          known,
          cores === -1 ? USUAL_LIMIT : cores,
        )
        return { ...one, unit: 'Count', status: 'Success' }
      })
      return { status: 200, body: { value: answers }, note: { subject: `quotas/${region.name}` } }
    })
  }
}

function shownSize(size: (typeof VM_SIZES)[number]): unknown {
  return {
    ...size,
    osVhdSizeMB: 1_047_552,
    lowPriorityCapable: true,
    premiumIO: true,
    supportedComputeTypes: ['AmlCompute', 'ComputeInstance'],
  }
}
