import { Fault, isFault } from '../core/errors.ts'
import type { JsonObject } from '../core/model.ts'
import type { Body } from './arm.ts'
import type { AzureRequest, Exchange } from './exchange.ts'
import { refusalOf, subjectOf } from './faults.ts'

/**
 * Every item of every page, each id once.
 *
 * @throws Fault `observe/incomplete` where a page cannot be had, repeats one before, or is none
 */
export async function* allPages(exchange: Exchange, first: AzureRequest): AsyncIterable<Body> {
  const asked = new Set<string>()
  const seen = new Set<string>()
  let url: string | undefined = first.url
  while (url !== undefined) {
    if (asked.has(url)) throw incomplete(first, 'the same page link came twice')
    asked.add(url)
    const page = await pageAt(exchange, { ...first, url })
    const fresh = page.items.filter((item) => isFresh(item, seen))
    if (page.items.length > 0 && fresh.length === 0) throw incomplete(first, 'a whole page came twice')
    yield* fresh
    url = page.next === undefined ? undefined : sameHost(first, page.next)
  }
}

interface Page {
  readonly items: readonly Body[]
  readonly next: string | undefined
}

async function pageAt(exchange: Exchange, request: AzureRequest): Promise<Page> {
  const reply = await exchange(request).catch((thrown: unknown) => {
    throw isFault(thrown, 'azure/unreachable') ? incomplete(request, thrown.message, thrown) : thrown
  })
  if (reply.status >= 300) {
    const fault = refusalOf(request, reply)
    throw fault.retry === 'later' ? incomplete(request, fault.message, fault) : fault
  }
  const body = (reply.body ?? {}) as { readonly value?: unknown; readonly nextLink?: unknown }
  if (!Array.isArray(body.value)) throw incomplete(request, 'a page has no list')
  const next = typeof body.nextLink === 'string' && body.nextLink !== '' ? body.nextLink : undefined
  return { items: body.value as readonly Body[], next }
}

/** Items that have no id are all fresh: nothing tells them apart. Usages of several types stand under one id. */
function isFresh(item: JsonObject, seen: Set<string>): boolean {
  const id = item['id']
  if (typeof id !== 'string') return true
  const key = `${id} ${item['type']}`.toLowerCase()
  if (seen.has(key)) return false
  seen.add(key)
  return true
}

function sameHost(first: AzureRequest, link: string): string {
  const from = new URL(first.url)
  const to = URL.parse(link, from.href)
  if (to !== null && to.protocol === from.protocol && to.host === from.host) return to.href
  throw incomplete(first, `the next page is said to be at ${to?.host ?? 'no host'}`)
}

function incomplete(request: AzureRequest, why: string, cause?: unknown): Fault {
  return new Fault('observe/incomplete', `The list of ${subjectOf(request)} did not come to its end: ${why}`, {
    facts: { target: subjectOf(request) },
    hint: 'Run it again; nothing is decided from a part of a list.',
    ...(cause === undefined ? {} : { cause }),
  })
}
