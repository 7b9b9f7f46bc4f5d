import type { Batch, Pair, Point } from './tracking.ts'

/**
 * What one `log-batch` may hold, 1 MB in all with what is said around the items.
 * https://mlflow.org/docs/latest/api_reference/rest-api.html#log-batch
 */
export const LIMITS = { items: 1000, metrics: 1000, params: 100, tags: 100, bytes: 1_000_000 - 1024 } as const

export type Limits = Readonly<Record<keyof typeof LIMITS, number>>

type Piece = { readonly of: 'params' | 'tags'; readonly item: Pair } | { readonly of: 'metrics'; readonly item: Point }

/** Cuts a batch into as few as the limits allow, in order: params, then tags, then points as they came. */
export function* batches(batch: Batch, limits: Limits = LIMITS): Iterable<Required<Batch>> {
  const pieces: Piece[] = [
    ...(batch.params ?? []).map((item) => ({ of: 'params', item }) as const),
    ...(batch.tags ?? []).map((item) => ({ of: 'tags', item }) as const),
    ...(batch.metrics ?? []).map((item) => ({ of: 'metrics', item }) as const),
  ]
  let open = fresh(limits)
  for (const piece of pieces) {
    if (open.count() > 0 && !open.takes(piece)) {
      yield open.batch
      open = fresh(limits)
    }
    open.add(piece)
  }
  if (open.count() > 0) yield open.batch
}

function fresh(limits: Limits) {
  const batch: { metrics: Point[]; params: Pair[]; tags: Pair[] } = { metrics: [], params: [], tags: [] }
  let bytes = 0
  let count = 0
  return {
    batch,
    count: () => count,
    takes: (piece: Piece) =>
      count < limits.items && batch[piece.of].length < limits[piece.of] && bytes + size(piece) <= limits.bytes,
    add: (piece: Piece) => {
      if (piece.of === 'metrics') batch.metrics.push(piece.item)
      else batch[piece.of].push(piece.item)
      bytes += size(piece)
      count += 1
    },
  }
}

function size(piece: Piece): number {
  return Buffer.byteLength(JSON.stringify(piece.item)) + 1
}
