import findMyWay from 'find-my-way'
import type { Call, Handler, Reply } from './call.ts'
import { Refusal } from './refusal.ts'

type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE' | 'HEAD'

/** One row of a route table: method, path with `:params`, the vendor's operation name, what answers. */
export type Route = readonly [method: Method, path: string, operation: string, handler: Handler]

/**
 * Finds the route for a call. Paths match whatever their case and with doubled slashes, as Azure's do;
 * parameters keep the case that was sent and arrive percent-decoded.
 */
export function router(routes: readonly Route[]): (call: Call) => Promise<Reply> {
  const ways = findMyWay({
    caseSensitive: false,
    ignoreDuplicateSlashes: true,
    ignoreTrailingSlash: true,
    maxParamLength: 2000,
  })
  for (const [method, path, operation, handler] of routes) {
    ways.on(method, path, () => undefined, { operation, handler })
  }
  return async (call) => {
    const found = ways.find(call.method as Method, call.path)
    if (found === null) throw new Refusal(404, 'NotFound', `Nothing answers ${call.method} ${call.path} here.`)
    const { operation, handler } = found.store as { operation: string; handler: Handler }
    call.operation = operation
    await call.admitted?.()
    return handler(call, found.params as Record<string, string>)
  }
}
