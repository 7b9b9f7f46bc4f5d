/**
 * Where the last `providers` of a path of ARM stands among its segments, or -1. A path is pairs of a type and a name, so
 * that a name `providers` is none.
 */
export function lastProviders(segments: readonly string[]): number {
  return segments.findLastIndex((segment, index) => index % 2 === 0 && segment.toLowerCase() === 'providers')
}

/**
 * The provider that answers for a path, in lower case: the last one in it. What stands before may be the resource that
 * an extension hangs on. An empty text where there is none.
 */
export function providerOf(path: string): string {
  const segments = path.split('/').filter((segment) => segment !== '')
  const at = lastProviders(segments)
  return at < 0 ? '' : (segments[at + 1] ?? '').toLowerCase()
}
