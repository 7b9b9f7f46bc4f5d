import type { Json } from '../core/model.ts'

/** A whole number of 64 bits: text where a number of JavaScript would round it. Servers take either. */
export type Int64 = number | string

/** What a server sends for one: a number or text; 0 where it sends nothing. */
export function int64(raw: Json | undefined): Int64 {
  const number = Number(raw ?? 0)
  return typeof raw === 'string' && !Number.isSafeInteger(number) && /^-?\d+$/.test(raw) ? raw : number
}

/** Below 0 where the first is less, above where it is more. */
export function compareInt64(one: Int64, other: Int64): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other
  const [a, b] = [BigInt(one), BigInt(other)]
  return a === b ? 0 : a < b ? -1 : 1
}
