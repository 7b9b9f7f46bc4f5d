import type { JsonObject } from '../core/model.ts'
import type { Arm, Body, CallOptions } from './arm.ts'
import type { AzureReply, AzureRequest, Exchange, Lane } from './exchange.ts'
import { refusalOf } from './faults.ts'
import { followed } from './operation.ts'
import { allPages } from './pages.ts'
import type { Pause } from './pause.ts'

export interface HttpArmOptions {
  readonly lane?: Lane
  readonly pause?: Pause
}

const ROOT = 'https://management.azure.com'

/** ARM over an exchange. */
export function httpArm(exchange: Exchange, { lane, pause }: HttpArmOptions = {}): Arm {
  function requestOf(method: AzureRequest['method'], path: string, options: CallOptions & Extra): AzureRequest {
    const { signal, apiVersion, query, body, headers, once } = options
    return {
      method,
      url: urlOf(path, apiVersion, query),
      signal,
      ...(body === undefined ? {} : { body }),
      ...(headers === undefined ? {} : { headers }),
      ...(once === undefined ? {} : { once }),
      ...(lane === undefined ? {} : { lane }),
    }
  }

  async function answered(request: AzureRequest): Promise<AzureReply> {
    const reply = await exchange(request)
    if (reply.status < 300) return reply
    throw refusalOf(request, reply)
  }

  async function toTheEnd(request: AzureRequest): Promise<AzureReply> {
    const began = await answered(request)
    return followed({ exchange, request, ...(pause === undefined ? {} : { pause }) }, began)
  }

  async function get(path: string, options: CallOptions): Promise<Body | undefined> {
    const request = requestOf('GET', path, options)
    const reply = await exchange(request)
    if (reply.status === 404) return undefined
    if (reply.status < 300) return bodyOf(reply)
    throw refusalOf(request, reply)
  }

  /** The resource as it is after a change: what the last answer shows if it is the resource, or a reading. */
  async function changed(request: AzureRequest, path: string, options: CallOptions): Promise<Body> {
    const began = await answered(request)
    const last = await followed({ exchange, request, ...(pause === undefined ? {} : { pause }) }, began)
    if (last === began && began.body !== undefined) return bodyOf(began)
    return (await get(path, options)) ?? bodyOf(last)
  }

  return {
    get,
    put: (path, body, options) => {
      const { ifMatch, ifNoneMatch } = options
      const headers = {
        ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
        ...(ifNoneMatch === undefined ? {} : { 'if-none-match': ifNoneMatch }),
      }
      return changed(requestOf('PUT', path, { ...options, body, headers }), path, options)
    },
    patch: (path, body, options) => changed(requestOf('PATCH', path, { ...options, body }), path, options),
    post: async (path, body, options) => {
      const request = requestOf('POST', path, { ...options, ...(body === undefined ? {} : { body }) })
      const { body: result } = await toTheEnd(request)
      return result === undefined ? undefined : (result as Body)
    },
    delete: async (path, options) => {
      const request = requestOf('DELETE', path, options)
      const began = await exchange(request)
      if (began.status === 404 || began.status === 204) return
      if (began.status >= 300) throw refusalOf(request, began)
      await followed({ exchange, request, ...(pause === undefined ? {} : { pause }) }, began)
    },
    pages: (path, options) => allPages(exchange, requestOf('GET', path, options)),
  }
}

interface Extra {
  readonly body?: JsonObject
  readonly headers?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
}

/** The path's own query stays: `delete` of a compute names there what becomes of the machine. */
function urlOf(path: string, apiVersion: string, query: Readonly<Record<string, string>> = {}): string {
  const [bare = '', own] = path.split('?')
  const url = new URL(ROOT + bare.split('/').map(segmentOf).join('/'))
  for (const [name, value] of [...new URLSearchParams(own), ...Object.entries(query)]) url.searchParams.set(name, value)
  url.searchParams.set('api-version', apiVersion)
  return url.href
}

/** Names may hold what a URL reserves; what is encoded already stays. */
function segmentOf(segment: string): string {
  return encodeURIComponent(segment)
    .replace(/%25([0-9A-Fa-f]{2})/g, '%$1')
    .replaceAll('%3A', ':')
    .replaceAll('%40', '@')
}

function bodyOf({ body }: AzureReply): Body {
  return (body ?? {}) as Body
}
