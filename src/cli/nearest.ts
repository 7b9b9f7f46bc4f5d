/** The one of some names that was probably meant. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((one) => ({ one, distance: editDistance(name.toLowerCase(), one.toLowerCase()) }))
    .sort((left, right) => left.distance - right.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.one : undefined
}

/** Levenshtein's, with two letters that changed places counted once. */
function editDistance(one: string, other: string): number {
  let before: readonly number[] = []
  let row: readonly number[] = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let left = 1; left <= one.length; left++) {
    const next = [left]
    for (let right = 1; right <= other.length; right++) {
      const [here, there] = [one[left - 1], other[right - 1]]
      const swapped = left > 1 && right > 1 && here === other[right - 2] && one[left - 2] === there
      next.push(
        Math.min(
          (row[right] ?? 0) + 1,
          (next[right - 1] ?? 0) + 1,
          (row[right - 1] ?? 0) + (here === there ? 0 : 1),
          swapped ? (before[right - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      )
    }
    ;[before, row] = [row, next]
  }
  return row[other.length] ?? 0
}
