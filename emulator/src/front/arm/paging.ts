import { countOf, queryOf } from '../../arm/envelope.ts'
import type { Call, Reply } from '../../call.ts'
import { Refusal } from '../../refusal.ts'

const EVERY = { otherwise: Number.MAX_SAFE_INTEGER, most: Number.MAX_SAFE_INTEGER }

/**
 * A list in order of creation: whole, or a page of `$top` with a link to the next.
 *
 * The link holds the number of the last one shown, so that it stays valid whatever comes and goes meanwhile.
 */
export function paged<T extends { readonly seq: number }>(
  call: Call,
  all: readonly T[],
  shown: (one: T) => unknown,
): Reply {
  const top = countOf(call, '$top', EVERY)
  const after = afterOf(call)
  const rest = all.filter(({ seq }) => seq > after)
  const value = rest.slice(0, top)
  const last = value.at(-1)
  if (last === undefined || rest.length <= top) return { status: 200, body: { value: value.map(shown) } }
  const query = new URLSearchParams(call.query)
  query.set('$skiptoken', String(last.seq))
  return { status: 200, body: { value: value.map(shown), nextLink: `${call.origin}${call.path}?${query}` } }
}

function afterOf(call: Call): number {
  const token = queryOf(call, '$skiptoken')
  const after = Number(token ?? 0)
  if (Number.isInteger(after) && after >= 0) return after
  throw new Refusal(400, 'InvalidSkipToken', `The continuation token '${token}' is not valid.`)
}
