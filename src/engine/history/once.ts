/** What is being worked on. */
export interface UnderWay<T> {
  /** The same without those that are given again while they are under way. Each is, from when it is given. */
  once(items: AsyncIterable<T>): AsyncIterable<T>
  /** Ends the work on one. */
  end(item: T): void
}

/**
 * Keeps two works on one thing from going on at once. A list in pages gives a thing twice side by side when something
 * comes in before it meanwhile: MLflow's pages begin where so and so many are passed over.
 */
export function underWay<T>(idOf: (item: T) => string): UnderWay<T> {
  const ids = new Set<string>()
  return {
    once: async function* (items) {
      for await (const item of items) {
        const id = idOf(item)
        if (ids.has(id)) continue
        ids.add(id)
        yield item
      }
    },
    end: (item) => void ids.delete(idOf(item)),
  }
}
