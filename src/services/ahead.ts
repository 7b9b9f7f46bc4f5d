/** Works on what a source gives, so many at once, and hands the results on in the source's order. */
export async function* ahead<T, R>(
  width: number,
  source: AsyncIterable<T> | Iterable<T>,
  work: (one: T) => Promise<R>,
): AsyncIterable<R> {
  const begun: Promise<R>[] = []
  for await (const one of source) {
    const result = work(one)
    // Whoever reads meets the failure in its turn; until then it must not count as one that nobody sees.
    result.catch(() => undefined)
    begun.push(result)
    const first = begun.length >= width ? begun.shift() : undefined
    if (first !== undefined) yield await first
  }
  for (const result of begun) yield await result
}
