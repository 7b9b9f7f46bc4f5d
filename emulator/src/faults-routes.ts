/** What a route is compared with. */
export interface Routed {
  readonly method: string
  readonly path: string
  /** Empty while it is not known. */
  readonly operation: string
}

/** True for a route that names an operation, which is known only once the request has been routed. */
export function isOperation(route: string): boolean {
  return !route.includes('/') && !route.includes(' ')
}

/** True if a route means this request. Case does not count. */
export function isOnRoute(route: string, { method, path, operation }: Routed): boolean {
  if (isOperation(route)) return operation !== '' && pattern(route).test(operation)
  const [, verb = '*', glob = '**'] = /^(?:(\S+)\s+)?(\S+)$/.exec(route.trim()) ?? []
  return pattern(verb).test(method) && pattern(glob).test(path)
}

const patterns = new Map<string, RegExp>()

function pattern(glob: string): RegExp {
  let found = patterns.get(glob)
  if (found === undefined) {
    const source = glob.split(/(\*\*|\*)/).map((part) => {
      if (part === '**') return '.*'
      return part === '*' ? '[^/]*' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    })
    found = new RegExp(`^${source.join('')}$`, 'i')
    patterns.set(glob, found)
  }
  return found
}
