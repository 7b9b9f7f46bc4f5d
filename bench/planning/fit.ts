/** One point of a fit: what a plan of so many items with so many changes took. */
export interface Point {
  readonly items: number
  readonly changes: number
  readonly milliseconds: number
}

/** Least squares for milliseconds = a + b·changes + c·items, each point weighted by the inverse of its value. */
export function fitted(points: readonly Point[]): readonly [number, number, number] {
  const rows = points.map(({ items, changes, milliseconds }) => {
    const weight = 1 / Math.max(0.05, milliseconds)
    return { terms: [weight, changes * weight, items * weight] as const, value: milliseconds * weight }
  })
  const matrix = [0, 1, 2].map((row) => [
    ...[0, 1, 2].map((column) => sum(rows.map(({ terms }) => (terms[row] ?? 0) * (terms[column] ?? 0)))),
    sum(rows.map(({ terms, value }) => (terms[row] ?? 0) * value)),
  ])
  return solved(matrix)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

/** Three equations with three unknowns, by elimination. */
function solved(matrix: number[][]): readonly [number, number, number] {
  const cell = (row: number, column: number) => matrix[row]?.[column] ?? 0
  for (let pivot = 0; pivot < 3; pivot++) {
    for (let row = 0; row < 3; row++) {
      if (row === pivot) continue
      const factor = cell(row, pivot) / cell(pivot, pivot)
      matrix[row] = [0, 1, 2, 3].map((column) => cell(row, column) - factor * cell(pivot, column))
    }
  }
  return [cell(0, 3) / cell(0, 0), cell(1, 3) / cell(1, 1), cell(2, 3) / cell(2, 2)]
}
