import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'

/** https://nodejs.org/api/diagnostics_channel.html#http */
const CREATED = 'http.client.request.created'

/**
 * Bears what a request that has failed already still says. A connection that is reset while a body is written may first
 * refuse the write and then hang up; the vendor's client listens for one error, and the next would end this process.
 * The answer ends it.
 */
export function bearSecondErrors(): () => void {
  const bear = (created: unknown) => {
    const { request } = created as { readonly request: ClientRequest }
    request.on('error', () => undefined)
  }
  subscribe(CREATED, bear)
  return () => void unsubscribe(CREATED, bear)
}
