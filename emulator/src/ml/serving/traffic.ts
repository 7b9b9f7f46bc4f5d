import { objectOf } from '../../arm/envelope.ts'
import { Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'

export type Traffic = Readonly<Record<string, number>>

/** Shares of live traffic by deployment, checked: deployments that are there, and 100 in all, or 0. */
export function trafficOf(region: Region, endpoint: string, sent: unknown): Traffic {
  const traffic = sharesOf(region, endpoint, { field: 'traffic', sent })
  const sum = sumOf(traffic)
  if (sum !== 0 && sum !== 100) {
    throw invalid(`The traffic of the endpoint '${nameOf(endpoint)}' adds up to ${sum}; it has to be 100, or 0.`)
  }
  return traffic
}

/** Shares of mirrored traffic: one deployment, which gets no live traffic, and at most 50. */
export function mirrorOf(
  region: Region,
  endpoint: string,
  sent: { readonly traffic: unknown; readonly mirrorTraffic: unknown },
): Traffic {
  const mirror = sharesOf(region, endpoint, { field: 'mirrorTraffic', sent: sent.mirrorTraffic })
  const live = sharesOf(region, endpoint, { field: 'traffic', sent: sent.traffic })
  const names = Object.keys(mirror).filter((name) => (mirror[name] ?? 0) > 0)
  if (names.length > 1) throw invalid(`Traffic can be mirrored to one deployment, not to ${names.length}.`)
  if (sumOf(mirror) > 50) throw invalid(`At most 50 percent of the traffic can be mirrored, not ${sumOf(mirror)}.`)
  const both = names.find((name) => (live[name] ?? 0) > 0)
  if (both !== undefined)
    throw invalid(`The deployment '${both}' gets live traffic, and cannot get mirrored traffic too.`)
  return mirror
}

/** Percentage that a deployment gets, live and mirrored. */
export function shareOf(properties: Readonly<Record<string, unknown>>, deployment: string): number {
  return [properties['traffic'], properties['mirrorTraffic']]
    .map((shares) => Number((shares as Record<string, unknown> | null | undefined)?.[deployment] ?? 0))
    .reduce((sum, share) => sum + share, 0)
}

function sharesOf(
  region: Region,
  endpoint: string,
  { field, sent }: { readonly field: string; readonly sent: unknown },
): Traffic {
  const shares = sent == null ? {} : objectOf(sent, `The field 'properties.${field}'`)
  for (const [name, share] of Object.entries(shares)) {
    if (!Number.isInteger(share) || Number(share) < 0 || Number(share) > 100) {
      throw invalid(`The ${field} of '${name}' is ${JSON.stringify(share)}, which is no whole percentage.`)
    }
    if (share !== 0 && region.resources.get(`${endpoint}/deployments/${name}`) === undefined) {
      throw invalid(`The ${field} names '${name}', which is not a deployment of the endpoint '${nameOf(endpoint)}'.`)
    }
  }
  return shares as Traffic
}

function sumOf(traffic: Traffic): number {
  return Object.values(traffic).reduce((sum, share) => sum + share, 0)
}

function nameOf(endpoint: string): string {
  return endpoint.split('/').at(-1) ?? ''
}

function invalid(message: string): Refusal {
  return new Refusal(400, 'UserError', message)
}
