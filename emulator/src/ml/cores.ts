import { propertiesOf } from '../arm/envelope.ts'
import type { Resource } from '../arm/resources.ts'
import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { typeOf } from './paths.ts'
import { USUAL_LIMIT, vmSize } from './vm-sizes.ts'

type Values = Readonly<Record<string, unknown>>

/** Cores are counted apart for machines that stay and for those that may be taken away. */
export type Priority = 'Dedicated' | 'LowPriority'

/** A compute or deployment, and the cores that it may take. */
export interface Taker {
  readonly id: string
  readonly family: string
  readonly priority: Priority
  readonly cores: number
}

/** What the vendor says for "as many as there are". */
export const UNLIMITED = -1

/** Everything that takes cores of a region. Sizes that are not known are not counted. */
export function takersOf(region: Region): readonly Taker[] {
  const takers: Taker[] = []
  for (const type of [typeOf('computes'), typeOf('onlineEndpoints', 'deployments')]) {
    let after: number | undefined = 0
    while (after !== undefined) {
      const found = region.resources.ofType(type, { after, limit: 500 })
      takers.push(...found.items.flatMap((one) => takerOf(one) ?? []))
      after = found.next
    }
  }
  return takers
}

/** How many cores of a family and priority may be taken. Those that may be taken away are limited in all, not by family. */
export function limitOf(region: Region, family: string, priority: Priority = 'Dedicated'): number {
  const gone = region.faults.of('quota').map((fault) => plain(fault.family))
  if (gone.includes('*') || gone.includes(plain(family))) return 0
  if (priority === 'LowPriority') return UNLIMITED
  const row = region.db.get<{ cores: number }>('SELECT cores FROM ml_quotas WHERE family = ?', family)
  return row?.cores ?? USUAL_LIMIT
}

/** A family by its letters and digits alone, since sizes, quotas and people write it differently. */
export function plain(family: string): string {
  return family
    .toLowerCase()
    .replace(/cluster.*$/, '')
    .replace(/[\s_]/g, '')
}

/** Refuses machines for which the region has no cores left. Sizes that are not known are not counted. */
export function checkQuota(
  region: Region,
  wanted: { readonly size: string; readonly nodes: number; readonly id: string; readonly priority?: Priority },
): void {
  const size = vmSize(wanted.size)
  if (size === undefined) return
  const { id, nodes, priority = 'Dedicated' } = wanted
  const limit = limitOf(region, size.family, priority)
  const cores = size.vCPUs * nodes
  const others = takersOf(region).filter((one) => one.id.toLowerCase() !== id.toLowerCase())
  const used = sumOf(others.filter((one) => one.family === size.family && one.priority === priority))
  if (limit === UNLIMITED || used + cores <= limit) return
  const message = `The ${size.family} quota of ${region.name} is ${limit} cores, of which ${used} are taken: ${cores} more for ${nodes} nodes of ${size.name} are over it.`
  throw new Refusal(400, 'ClusterCoreQuotaReached', message)
}

export function sumOf(takers: readonly Taker[]): number {
  return takers.reduce((sum, { cores }) => sum + cores, 0)
}

/** How many machines a compute may grow to. */
export function nodesOf(inner: Values): number {
  const scale = inner['scaleSettings'] as Values | null | undefined
  return scale == null ? 1 : Number(scale['maxNodeCount'] ?? 1)
}

export function priorityOf(inner: Values): Priority {
  return /^lowpriority$/i.test(String(inner['vmPriority'])) ? 'LowPriority' : 'Dedicated'
}

function takerOf({ id, body }: Resource): Taker | undefined {
  const properties = propertiesOf(body)
  const inner = (properties['properties'] ?? {}) as Values
  const size = vmSize(String(properties['instanceType'] ?? inner['vmSize'] ?? ''))
  if (size === undefined) return undefined
  const sku = body['sku'] as Values | undefined
  const nodes = properties['instanceType'] === undefined ? nodesOf(inner) : Number(sku?.['capacity'] ?? 1)
  return { id, family: size.family, priority: priorityOf(inner), cores: size.vCPUs * nodes }
}
