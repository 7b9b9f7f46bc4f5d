import type { Address } from './model.ts'

interface Waves<T> {
  /** Each after all that it waits for; what could go at once is in the order of addresses. */
  readonly ordered: readonly T[]
  /** What is in a ring, or waits behind one. */
  readonly ring: readonly T[]
}

interface Reading<T> {
  key(thing: T): Address
  after(thing: T): readonly Address[]
}

/**
 * Orders things that wait for each other, in time linear in things and references (Kahn, 1962).
 *
 * A reference to what is not among them, or to itself, holds nothing up. One input has exactly one order.
 */
export function inWaves<T>(things: readonly T[], by: Reading<T>): Waves<T> {
  const sorted = [...things].sort((one, other) => (by.key(one) < by.key(other) ? -1 : 1))
  const { waiting, behind } = references(sorted, by)
  const ordered: T[] = []
  const done = new Uint8Array(sorted.length)
  let wave: number[] = []
  for (let index = 0; index < sorted.length; index++) if (waiting[index] === 0) wave.push(index)
  while (wave.length > 0) {
    const next: number[] = []
    for (const index of wave) {
      ordered.push(sorted[index] as T)
      done[index] = 1
      for (const later of behind[index] ?? []) {
        const left = (waiting[later] ?? 0) - 1
        waiting[later] = left
        if (left === 0) next.push(later)
      }
    }
    wave = next.sort((one, other) => one - other)
  }
  return { ordered, ring: sorted.filter((_, index) => done[index] === 0) }
}

/** By position: for how many each waits, and which wait for it. */
function references<T>(
  sorted: readonly T[],
  by: Reading<T>,
): { waiting: Int32Array; behind: (number[] | undefined)[] } {
  const positions = new Map<Address, number>()
  for (let index = 0; index < sorted.length; index++) positions.set(by.key(sorted[index] as T), index)
  const waiting = new Int32Array(sorted.length)
  const behind: (number[] | undefined)[] = new Array(sorted.length)
  for (let index = 0; index < sorted.length; index++) {
    for (const need of by.after(sorted[index] as T)) {
      const before = positions.get(need)
      if (before === undefined || before === index) continue
      // A need that is named twice is counted twice, and let go of twice.
      waiting[index] = (waiting[index] ?? 0) + 1
      const list = behind[before]
      if (list === undefined) behind[before] = [index]
      else list.push(index)
    }
  }
  return { waiting, behind }
}
