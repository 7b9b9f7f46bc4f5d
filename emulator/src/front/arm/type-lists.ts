import type { Call, Reply } from '../../call.ts'
import { notImplemented, Refusal } from '../../refusal.ts'
import type { Reach } from '../reach.ts'
import type { Directory } from './directory.ts'
import { passedOn, relayedWhole, watching } from './forwarded.ts'
import { isOffered } from './providers.ts'

/** Which resources a list of one type is about. */
export interface TypeScope {
  readonly subscription: string
  readonly resourceGroup: string | undefined
  /** With its namespace. */
  readonly type: string
}

const MOST_PAGES = 10_000

/**
 * Lists the top-level resources of one type from every region that has some, to the last page.
 *
 * A region that cannot be reached makes the whole list fail, since a shorter one would be a lie.
 */
export async function listType(
  call: Call,
  scope: TypeScope,
  parts: { readonly directory: Directory; readonly reach: Reach },
): Promise<Reply> {
  checkKnown(scope, parts.directory)
  const regions = new Set(parts.directory.list(scope).map((entry) => entry.region))
  const all = await watching(call, (signal) =>
    Promise.all([...regions].map((region) => listIn(call, { region, reach: parts.reach, signal }))),
  )
  const failed = all.find((one) => 'reply' in one)
  if (failed !== undefined && 'reply' in failed) return failed.reply
  return { status: 200, body: { value: all.flatMap((one) => ('value' in one ? one.value : [])) } }
}

/** Refuses a type that no client finds among the providers, and nothing is of: an empty list would say that there is none. */
function checkKnown({ subscription, type }: TypeScope, directory: Directory): void {
  if (isOffered(type) || directory.list({ subscription, type }).length > 0) return
  throw notImplemented(`a list of ${type}`)
}

async function listIn(
  call: Call,
  at: { region: string; reach: Reach; signal: AbortSignal },
): Promise<{ readonly value: readonly unknown[] } | { readonly reply: Reply }> {
  const value: unknown[] = []
  let target: string | undefined = call.target
  for (let pages = 0; target !== undefined; pages++) {
    if (pages > MOST_PAGES) throw new Refusal(500, 'InternalServerError', `The list in ${at.region} does not end.`)
    const { host, client } = call
    const headers = passedOn(call)
    const answer = await at.reach.send(at.region, { method: 'GET', target, host, client, headers, signal: at.signal })
    const { reply, json } = await relayedWhole(answer, 'GET')
    if (reply.status !== 200) return { reply }
    if (Array.isArray(json['value'])) value.push(...json['value'])
    const next: unknown = json['nextLink']
    target = typeof next === 'string' && next !== '' ? next.replace(/^https?:\/\/[^/]+/i, '') : undefined
  }
  return { value }
}
