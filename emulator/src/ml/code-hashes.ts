import { queryOf } from '../arm/envelope.ts'
import type { Resource } from '../arm/resources.ts'
import type { Call } from '../call.ts'
import type { Region } from '../region.ts'
import { typeOf } from './paths.ts'

const TYPE = typeOf('codes', 'versions')
const HASH = `json_extract(body, '$.properties.properties.hash_sha256')`
const VERSION = `json_extract(body, '$.properties.properties.hash_version')`

/** Makes the index by which clients find code that is already uploaded. */
export function openCodes(region: Region): void {
  region.db.migrate(`CREATE INDEX IF NOT EXISTS resources_by_hash ON resources (${HASH}) WHERE ${HASH} IS NOT NULL`)
}

/**
 * Code versions with the content hash a call asks for, whatever their name; `undefined` where it asks for none.
 *
 * The vendor's spec says so of `hash`: the name in the path is one the client has just made up.
 */
export function hashedCodes(region: Region, call: Call, workspaceId: string): readonly Resource[] | undefined {
  const hash = queryOf(call, 'hash')
  if (hash === undefined) return undefined
  const under = `${workspaceId}/codes/`
  const rows = region.db.all<{ id: string; hashVersion: unknown }>(
    `SELECT id, ${VERSION} AS hashVersion FROM resources
     WHERE ${HASH} = ? AND type = ? AND substr(id, 1, ?) = ? COLLATE NOCASE ORDER BY seq LIMIT 100`,
    hash,
    TYPE,
    under.length,
    under,
  )
  const wanted = queryOf(call, 'hashVersion')
  return rows
    .filter((row) => wanted === undefined || String(row.hashVersion ?? wanted) === wanted)
    .flatMap((row) => region.resources.get(row.id) ?? [])
}
