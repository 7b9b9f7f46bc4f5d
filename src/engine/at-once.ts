/**
 * Runs `work` on every item, at most `width` at a time, and waits for all of them.
 * The first failure stops what has not begun and is thrown when what has begun is over.
 */
export async function atOnce<T>(width: number, items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const source = items[Symbol.iterator]()
  const failures: unknown[] = []
  async function lane(): Promise<void> {
    while (failures.length === 0) {
      const next = source.next()
      if (next.done === true) return
      try {
        await work(next.value)
      } catch (thrown) {
        failures.push(thrown)
      }
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
  if (failures.length > 0) throw failures[0]
}
