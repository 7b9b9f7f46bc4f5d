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
  if (isOperation(route)) return operation !== '' && isLike(route, operation)
  const [, verb = '*', glob = '**'] = /^(?:(\S+)\s+)?(\S+)$/.exec(route.trim()) ?? []
  return isLike(verb, method) && isLike(glob, path)
}

/** True if the whole text is as the glob says. Steps once for each part of the glob and letter of the text. */
function isLike(glob: string, text: string): boolean {
  const parts = glob.toLowerCase().match(/\*\*|./gs) ?? []
  /** Whether the text so far is as the first parts say, by how many they are. */
  let met = [true, ...parts.map((_, at) => parts.slice(0, at + 1).every(isWild))]
  for (const letter of text.toLowerCase()) {
    const next = [false]
    for (const [at, part] of parts.entries()) {
      const covers = part === '**' || (part === '*' && letter !== '/')
      const goesOn = covers && met[at + 1] === true
      next.push(goesOn || (isWild(part) ? next[at] === true : part === letter && met[at] === true))
    }
    met = next
  }
  return met.at(-1) === true
}

function isWild(part: string): boolean {
  return part === '*' || part === '**'
}
