import type { IncomingHttpHeaders } from 'node:http'
import { notImplemented, Refusal } from '../refusal.ts'
import { invalidHeader } from './refusals.ts'
import { parseTagQuery } from './tag-query.ts'

/** What a conditional header is compared with. */
export interface Versioned {
  readonly etag: string
  /** Milliseconds since 1970. */
  readonly modified: number
  /** Absent where they are not known here. */
  readonly tags?: Readonly<Record<string, string>>
}

/** Headers of a condition, under their own names or those of a copy's source. */
export interface Conditions {
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly ifModifiedSince: number | undefined
  readonly ifUnmodifiedSince: number | undefined
  /** Expression over tags. */
  readonly ifTags: string | undefined
}

/** Reads `If-Match` and its kin; with `x-ms-source-` as prefix, those about the source of a copy. */
export function conditionsOf(headers: IncomingHttpHeaders, prefix = ''): Conditions {
  return {
    ifMatch: text(headers, `${prefix}if-match`),
    ifNoneMatch: text(headers, `${prefix}if-none-match`),
    ifModifiedSince: instant(headers, `${prefix}if-modified-since`),
    ifUnmodifiedSince: instant(headers, `${prefix}if-unmodified-since`),
    ifTags: text(headers, `${prefix === '' ? 'x-ms-' : prefix}if-tags`),
  }
}

/**
 * Refuses a read whose condition does not hold: 304 where the client has it already, else 412.
 *
 * Of If-None-Match and If-Modified-Since one is enough, as the vendor's page on conditional headers says.
 */
export function checkRead(conditions: Conditions, found: Versioned): void {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions
  if (ifMatch !== undefined && !matches(ifMatch, found)) throw unmet(412)
  if (ifUnmodifiedSince !== undefined && wholeSeconds(found) > ifUnmodifiedSince) throw unmet(412)
  if (!tagsMeet(conditions, found)) throw unmet(412)
  if (ifNoneMatch === '*') {
    throw new Refusal(400, 'UnsatisfiableCondition', 'A read of what is there cannot ask that nothing be there.')
  }
  const sets = [
    ...(ifNoneMatch === undefined ? [] : [!matches(ifNoneMatch, found)]),
    ...(ifModifiedSince === undefined ? [] : [wholeSeconds(found) > ifModifiedSince]),
  ]
  if (sets.length > 0 && !sets.includes(true)) throw unmet(304)
}

/** Refuses a write whose condition does not hold. `exists` is the code for `If-None-Match: *` on what is there. */
export function checkWrite(conditions: Conditions, found: Versioned | undefined, exists = 'BlobAlreadyExists'): void {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions
  if (found === undefined) {
    if (ifMatch !== undefined || conditions.ifTags !== undefined) throw unmet(412)
    return
  }
  if (ifNoneMatch === '*') throw new Refusal(409, exists, 'The specified blob already exists.')
  if (ifMatch !== undefined && !matches(ifMatch, found)) throw unmet(412)
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, found)) throw unmet(412)
  if (ifUnmodifiedSince !== undefined && wholeSeconds(found) > ifUnmodifiedSince) throw unmet(412)
  if (ifModifiedSince !== undefined && wholeSeconds(found) <= ifModifiedSince) throw unmet(412)
  if (!tagsMeet(conditions, found)) throw unmet(412)
}

function tagsMeet({ ifTags }: Conditions, { tags }: Versioned): boolean {
  if (ifTags === undefined) return true
  if (tags === undefined) throw notImplemented('a condition on tags that are not in this region')
  return parseTagQuery(ifTags, 'condition').holds(tags, '')
}

/** Refuses a copy whose source does not meet the condition. */
export function checkSource(conditions: Conditions, found: Versioned): void {
  try {
    checkWrite(conditions, found, 'SourceConditionNotMet')
  } catch (failure) {
    if (failure instanceof Refusal && failure.status === 501) throw failure
    throw new Refusal(
      412,
      'SourceConditionNotMet',
      'The source condition specified using HTTP conditional header(s) is not met.',
    )
  }
}

function matches(condition: string, found: Versioned): boolean {
  if (condition === '*') return true
  const bare = (tag: string) => tag.trim().replace(/^W\//, '').replaceAll('"', '')
  return condition.split(',').some((tag) => bare(tag) === bare(found.etag))
}

/** HTTP dates have no parts of a second. */
function wholeSeconds(found: Versioned): number {
  return Math.floor(found.modified / 1000) * 1000
}

function unmet(status: number): Refusal {
  return new Refusal(status, 'ConditionNotMet', 'The condition specified using HTTP conditional header(s) is not met.')
}

function text(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function instant(headers: IncomingHttpHeaders, name: string): number | undefined {
  const value = text(headers, name)
  if (value === undefined) return undefined
  const at = Date.parse(value)
  if (Number.isNaN(at)) throw invalidHeader(name, value)
  return at
}
