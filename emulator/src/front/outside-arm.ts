import { bytesWithin } from '../body-bytes.ts'
import type { Tokens } from '../tokens.ts'
import type { Directory } from './arm/directory.ts'
import type { ReadAnswer, ReadRequest } from './front-arm.ts'
import { destinationOf } from './hosts.ts'
import type { Reach } from './reach.ts'

const LIFETIME_SECONDS = 300

/** ARM as a reader of what services of the regions hold: templates in storage, secrets in vaults. */
export async function readOutside(
  wanted: ReadRequest,
  parts: {
    readonly directory: Directory
    readonly regions: readonly string[]
    readonly reach: Reach
    readonly tokens: Tokens
  },
): Promise<ReadAnswer | undefined> {
  const { url, client, as, limit } = wanted
  const { directory, regions, reach, tokens } = parts
  const places = { regions: new Set(regions), owner: directory.owner.bind(directory) }
  const destination = destinationOf(url.hostname.toLowerCase(), places)
  if (destination?.to !== 'region') return undefined
  const token =
    as && (await tokens.issue({ subject: as.caller, audience: as.audience, lifetimeSeconds: LIFETIME_SECONDS }))
  try {
    const answer = await reach.send(destination.region, {
      method: 'GET',
      target: `${url.pathname}${url.search}`,
      host: url.hostname.toLowerCase(),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      client,
    })
    const bytes = await bytesWithin(answer, limit)
    return bytes && { status: answer.statusCode ?? 502, bytes }
  } catch {
    // Away, or gone in the middle: nothing was read.
    return undefined
  }
}
