import { objectOf, propertiesOf } from '../arm/envelope.ts'
import type { Resource } from '../arm/resources.ts'
import type { Handler } from '../call.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import type { Route } from '../router.ts'
import { LOCATION, NAMESPACE, typeOf } from './paths.ts'
import { USUAL_LIMIT, VM_FAMILIES, VM_SIZES, vmSize } from './vm-sizes.ts'

type Values = Readonly<Record<string, unknown>>

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

/** Refuses machines for which the region has no cores left. Sizes that are not known are not counted. */
export function checkQuota(
  region: Region,
  wanted: { readonly size: string; readonly nodes: number; readonly id: string },
): void {
  const size = vmSize(wanted.size)
  if (size === undefined) return
  const limit = limitOf(region, size.family)
  const cores = size.vCPUs * wanted.nodes
  const used = coresOf(region, size.family, wanted.id)
  if (used + cores <= limit) return
  const message = `The ${size.family} quota of ${region.name} is ${limit} cores, of which ${used} are taken: ${cores} more for ${wanted.nodes} nodes of ${size.name} are over it.`
  throw new Refusal(400, 'ClusterCoreQuotaReached', message)
}

function limitOf(region: Region, family: string): number {
  const taken = region.faults.of('quota').map((fault) => fault.family.toLowerCase())
  if (taken.includes('*') || taken.includes(family.toLowerCase())) return 0
  const row = region.db.get<{ cores: number }>('SELECT cores FROM ml_quotas WHERE family = ?', family)
  return row?.cores ?? USUAL_LIMIT
}

/** Cores that computes and deployments of a family may take in all, leaving out the one with the id `except`. */
function coresOf(region: Region, family: string, except = ''): number {
  let cores = 0
  for (const type of [typeOf('computes'), typeOf('onlineEndpoints', 'deployments')]) {
    let after: number | undefined = 0
    while (after !== undefined) {
      const found = region.resources.ofType(type, { after, limit: 500 })
      for (const taker of found.items) {
        if (taker.id.toLowerCase() !== except.toLowerCase()) cores += coresIn(taker, family)
      }
      after = found.next
    }
  }
  return cores
}

function coresIn(taker: Resource, family: string): number {
  const properties = propertiesOf(taker.body)
  const inner = (properties['properties'] ?? {}) as Values
  const size = vmSize(String(properties['instanceType'] ?? inner['vmSize'] ?? ''))
  if (size?.family !== family) return 0
  const sku = taker.body['sku'] as Values | undefined
  return size.vCPUs * (properties['instanceType'] === undefined ? nodesOf(inner) : Number(sku?.['capacity'] ?? 1))
}

/** How many machines a compute may grow to. */
export function nodesOf(inner: Values): number {
  const scale = inner['scaleSettings'] as Values | null | undefined
  return scale == null ? 1 : Number(scale['maxNodeCount'] ?? 1)
}

function usages(region: Region): Handler {
  return (_call, { s = '' }) => ({
    status: 200,
    body: {
      value: VM_FAMILIES.map((family) => ({
        id: idOf(region, s, `usages/${family}`),
        amlWorkspaceLocation: region.name,
        type: `${NAMESPACE}/locations/usages`,
        unit: 'Count',
        currentValue: coresOf(region, family),
        limit: limitOf(region, family),
        name: { value: family, localizedValue: family },
      })),
    },
  })
}

function quotas(region: Region): Handler {
  return (_call, { s = '' }) => ({
    status: 200,
    body: {
      value: VM_FAMILIES.map((family) => ({
        id: idOf(region, s, `quotas/${family}`),
        amlWorkspaceLocation: region.name,
        type: `${NAMESPACE}/locations/quotas`,
        limit: limitOf(region, family),
        unit: 'Count',
        name: { value: family, localizedValue: family },
      })),
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
        const known = VM_FAMILIES.find((each) => each.toLowerCase() === family.toLowerCase())
        if (known === undefined) return { ...one, status: 'InvalidVMFamilyName' }
        if (!Number.isInteger(cores) || cores < -1) return { ...one, status: 'Failure' }
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

function idOf(region: Region, subscription: string, rest: string): string {
  return `/subscriptions/${subscription}/providers/${NAMESPACE}/locations/${region.name}/${rest}`
}
