/** Works on what comes, at most `width` at a time. Reads no further ahead than that; the first failure ends it. */
export async function inParallel<T>(
  width: number,
  items: AsyncIterable<T> | Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const busy = new Set<Promise<void>>()
  const failures: unknown[] = []
  for await (const item of items) {
    const one = work(item)
      .catch((thrown: unknown) => void failures.push(thrown))
      .finally(() => busy.delete(one))
    busy.add(one)
    if (busy.size >= width) await Promise.race(busy)
    if (failures.length > 0) break
  }
  await Promise.all(busy)
  if (failures.length > 0) throw failures[0]
}
