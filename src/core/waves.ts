import type { Address } from './model.ts'

interface Waves<T> {
  /** Each after all that it waits for; what could go at once is in the order of addresses. */
  readonly ordered: readonly T[]
  /** What is in a ring, or waits behind one. */
  readonly ring: readonly T[]
}

/**
 * Orders things that wait for each other, in time linear in things and references (Kahn, 1962).
 *
 * A reference to what is not among them, or to itself, holds nothing up. One input has exactly one order.
 */
export function inWaves<T>(
  things: readonly T[],
  by: { key(thing: T): Address; after(thing: T): readonly Address[] },
): Waves<T> {
  const byKey = new Map(things.map((thing) => [by.key(thing), thing]))
  const waiting = new Map<Address, number>()
  const behind = new Map<Address, Address[]>()
  for (const [key, thing] of byKey) {
    let count = 0
    for (const before of new Set(by.after(thing))) {
      if (before === key || !byKey.has(before)) continue
      count++
      const list = behind.get(before)
      if (list === undefined) behind.set(before, [key])
      else list.push(key)
    }
    waiting.set(key, count)
  }
  const ordered: T[] = []
  let wave = [...byKey.keys()].filter((key) => waiting.get(key) === 0).sort()
  while (wave.length > 0) {
    const next: Address[] = []
    for (const key of wave) {
      const thing = byKey.get(key)
      if (thing !== undefined) ordered.push(thing)
      byKey.delete(key)
      for (const later of behind.get(key) ?? []) {
        const left = (waiting.get(later) ?? 0) - 1
        waiting.set(later, left)
        if (left === 0) next.push(later)
      }
    }
    wave = next.sort()
  }
  return { ordered, ring: [...byKey.values()].sort((one, other) => (by.key(one) < by.key(other) ? -1 : 1)) }
}
