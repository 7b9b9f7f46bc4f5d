/** Numbers that look random and follow from a seed: xorshift with 32 bits (Marsaglia, Journal of Statistical Software 8/14, 2003). */
export interface Random {
  /** At least 0 and below 1. */
  next(): number
  between(low: number, high: number): number
  /** A whole number from low to high, both included. */
  whole(low: number, high: number): number
  chance(probability: number): boolean
  of<T>(choices: readonly [T, ...T[]]): T
}

export function randomOf(seed: number): Random {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4_294_967_296
  }
  // The first numbers of neighbouring seeds resemble each other.
  for (let index = 0; index < 16; index++) next()
  const between = (low: number, high: number) => low + next() * (high - low)
  return {
    next,
    between,
    whole: (low, high) => Math.floor(between(low, high + 1)),
    chance: (probability) => next() < probability,
    of: (choices) => choices[Math.floor(next() * choices.length)] ?? choices[0],
  }
}
