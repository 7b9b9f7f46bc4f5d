import findMyWay from 'find-my-way'
import type { Call, Handler, Offer, Reply } from './call.ts'
import { notImplemented, Refusal } from './refusal.ts'

const METHODS = ['GET', 'PUT', 'POST', 'PATCH', 'DELETE', 'HEAD'] as const

type Method = (typeof METHODS)[number]

/** Stands in a table for what answers an operation that Azure has and that is not done here: 501 with its name. */
export const UNFINISHED = 'unfinished'

/** One row of a route table: method, path with `:params`, the vendor's operation name, what answers. */
export type Route = readonly [method: Method, path: string, operation: string, handler: Handler | typeof UNFINISHED]

/** Answers a POST that only asks: it is no write, and no line of the record of what was acknowledged. */
export function asking(handler: Handler): Handler {
  return async (call, params) => ({ ...(await handler(call, params)), unlogged: true })
}

/** What a table answers. */
export function offersOf(routes: readonly Route[]): readonly Offer[] {
  return routes.map(([method, path, operation, handler]) => ({
    operation,
    method,
    path,
    served: handler !== UNFINISHED,
  }))
}

interface Found {
  readonly operation: string
  readonly handler: Route[3]
}

interface Ways {
  /** The path to look for. */
  readonly pathOf?: (call: Call) => string
  /** What a path is answered that no row has by any method. */
  readonly unknown?: (call: Call) => Refusal
}

/** For tables beside which the vendor has more than they say: 501, which names what was asked. */
export function gap({ method, path }: Call): Refusal {
  return notImplemented(`${method} ${path}`)
}

function nothing({ method, path }: Call): Refusal {
  return new Refusal(404, 'NotFound', `Nothing answers ${method} ${path} here.`)
}

/**
 * Finds the route for a call. Paths match whatever their case and with doubled slashes, as Azure's do;
 * parameters keep the case that was sent and arrive percent-decoded.
 */
export function router(
  routes: readonly Route[],
  { pathOf = ({ path }) => path, unknown = nothing }: Ways = {},
): (call: Call) => Promise<Reply> {
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
    const path = pathOf(call)
    const found = ways.find(call.method as Method, path)
    if (found === null) throw METHODS.some((method) => ways.find(method, path)) ? nothing(call) : unknown(call)
    const { operation, handler } = found.store as Found
    const params = found.params as Readonly<Record<string, string>>
    call.operation = operation
    if (handler === UNFINISHED) throw notImplemented(`${operation} ${params['*'] ?? ''}`.trim())
    await call.admitted?.()
    return handler(call, params)
  }
}
