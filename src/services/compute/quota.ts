import type { Arm, Body } from '../../azure/arm.ts'
import { type Item, type JsonObject, segmentsOf } from '../../core/model.ts'
import { ML_API, objectOf, textOf } from '../arm-body.ts'
import { localName } from '../naming.ts'
import type { Place, Reach } from '../service.ts'
import { innerOf, isMade, typeOf } from './schema.ts'

/** Cores of machines that stay and of those that may be taken away are granted apart. */
type Priority = 'Dedicated' | 'LowPriority'

/** What one compute may grow to. */
interface Demand {
  readonly item: Item
  readonly size: string
  readonly nodes: number
  readonly priority: Priority
  readonly location: string
}

interface Sized extends Demand {
  readonly family: string
  readonly cores: number
}

/** A row of a region's usages. */
interface Usage {
  readonly id: string
  /** Whose: `vmFamily`, `dedicatedCores`, `workspaces/computes`, …. */
  readonly of: string
  readonly name: string
  readonly value: number
  readonly limit: number
}

/** What the vendor says for "no limit". */
const UNLIMITED = -1
const TOTALS: Readonly<Record<Priority, string>> = { Dedicated: 'dedicatedCores', LowPriority: 'lowPriorityCores' }

/**
 * What a place's regions cannot give to some computes, were all to grow as far as they may: each in a sentence. Sizes
 * that a region does not offer, and cores over the quota of a family or of all together. What these computes take
 * there already is theirs.
 *
 * Usages are rows by family, in all, and by compute; `-1` is no limit. Quota is a right and no machine.
 * Source: [Usages](https://learn.microsoft.com/rest/api/azureml/usages/list).
 */
export async function coresLacking(
  arm: Arm,
  place: Place,
  acting: readonly Item[],
  { signal }: Reach,
): Promise<readonly string[]> {
  const demands = acting.flatMap((one) => demandOf(place, one) ?? [])
  const lacking: string[] = []
  for (const [location, there] of Map.groupBy(demands, (one) => one.location)) {
    const path = `${subscriptionOf(place)}/providers/Microsoft.MachineLearningServices/locations/${location}`
    const listed = (what: string) => Array.fromAsync(arm.pages(`${path}/${what}`, { signal, apiVersion: ML_API }))
    const sizes = sizesIn(await listed('vmSizes'))
    const sized = there.flatMap((one): readonly Sized[] => {
      const size = sizes.get(one.size.toLowerCase())
      if (size === undefined) lacking.push(`${location} offers no ${one.size}, which ${one.item.address} is made of`)
      return size === undefined ? [] : [{ ...one, family: size.family, cores: size.vCPUs * one.nodes }]
    })
    lacking.push(...overQuota(place, sized, (await listed('usages')).map(usageOf)))
  }
  return lacking
}

function overQuota(place: Place, demands: readonly Sized[], usages: readonly Usage[]): readonly string[] {
  const over: string[] = []
  for (const [priority, of] of Map.groupBy(demands, (one) => one.priority)) {
    for (const [family, those] of Map.groupBy(of, (one) => one.family)) {
      const named = (one: Usage) => plain(one.name) === plain(`${family} Cluster ${priority} vCPUs`)
      const limit = usages.find((one) => one.of === 'vmFamily' && named(one))
      over.push(...exceeding(place, those, { limit, what: family, own: usages.filter(named) }))
    }
    const limit = usages.find((one) => one.of === TOTALS[priority])
    const own = usages.filter((one) => one.name.includes(priority))
    over.push(...exceeding(place, of, { limit, what: 'all families together', own }))
  }
  return over
}

function exceeding(
  place: Place,
  demands: readonly Sized[],
  { limit, what, own }: { readonly limit: Usage | undefined; readonly what: string; readonly own: readonly Usage[] },
): readonly string[] {
  if (limit === undefined || limit.limit === UNLIMITED) return []
  const ids = new Set(demands.map(({ item }) => idOf(place, item)))
  const taken = sum(own.filter(({ id }) => ids.has(id.replace(/\/usages\/.*$/, ''))).map(({ value }) => value))
  const needed = sum(demands.map(({ cores }) => cores))
  const free = Math.max(0, limit.limit - Math.max(0, limit.value - taken))
  if (needed <= free) return []
  const { location } = demands[0] as Sized
  const whose = demands.map(({ item }) => item.address).join(', ')
  return [
    `${whose} may take ${needed} cores of ${what} in ${location}, where the quota is ${limit.limit} and ${free} are free`,
  ]
}

/** `undefined` for what takes no cores of the region: what is attached, and an instance that does not run. */
function demandOf(place: Place, one: Item): Demand | undefined {
  const inner = innerOf(one.body)
  const size = textOf(inner['vmSize'])
  if (!isMade(one.body) || size === undefined || inner['state'] === 'Stopped') return undefined
  const scale = objectOf(inner['scaleSettings'])
  const nodes = typeOf(one.body) === 'AmlCompute' ? Number(scale['maxNodeCount'] ?? 1) : 1
  const priority = /^lowpriority$/i.test(String(inner['vmPriority'])) ? 'LowPriority' : 'Dedicated'
  const written = textOf((place.local(one.body) as JsonObject)['location']) ?? place.location
  return { item: one, size, nodes, priority, location: written.toLowerCase().replaceAll(' ', '') }
}

function sizesIn(rows: readonly Body[]): ReadonlyMap<string, { readonly family: string; readonly vCPUs: number }> {
  return new Map(
    rows.map((row) => [
      String(row['name']).toLowerCase(),
      { family: String(row['family']), vCPUs: Number(row['vCPUs']) },
    ]),
  )
}

function usageOf(row: Body): Usage {
  const [, ...of] = String(row['type']).split('/')
  return {
    id: String(row['id']).toLowerCase(),
    of: of.slice(0, -1).join('/'),
    name: String(objectOf(row['name'])['value']),
    value: Number(row['currentValue'] ?? 0),
    limit: Number(row['limit'] ?? UNLIMITED),
  }
}

function idOf(place: Place, one: Item): string {
  const name = localName(place, 'computes', segmentsOf(one.address)[0] ?? '')
  return `${place.workspace}/computes/${name}`.toLowerCase()
}

function subscriptionOf({ workspace }: Place): string {
  return workspace.split('/').slice(0, 3).join('/')
}

/** Sizes and usages write a family differently: `standardDSv2Family`, `Standard DSv2 Family Cluster Dedicated vCPUs`. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[\s_]/g, '')
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
