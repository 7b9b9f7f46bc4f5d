import { invalid } from './answers.ts'

/** Longer than any value that a pattern can meet, in characters. SQLite takes 50,000 bytes. */
const LONGEST = 10_000

/** A pattern of LIKE as it is, for SQLite. Refuses one of more than {@link LONGEST} characters. */
export function likeOf(pattern: string): string {
  if (pattern.length <= LONGEST) return pattern
  throw invalid(`The pattern has ${pattern.length} characters, and the limit is ${LONGEST}.`)
}

/** A pattern of LIKE as one of GLOB, which minds the case in SQLite. */
export function globOf(pattern: string): string {
  return likeOf(pattern)
    .replace(/[*?[]/g, (character) => `[${character}]`)
    .replaceAll('%', '*')
    .replaceAll('_', '?')
}

/** True if the whole text is as a pattern of LIKE says, letter for letter. Steps at most once a letter of either for each of the other. */
export function isLike(text: string, pattern: string): boolean {
  const [letters, wanted] = [[...text], [...likeOf(pattern)]]
  let [at, next] = [0, 0]
  /** Where the last `%` stands, and how many letters it may cover. */
  let [star, covered] = [-1, 0]
  while (at < letters.length) {
    const one = wanted[next]
    if (one === '%') {
      star = next++
      covered = at
    } else if (one === '_' || (one !== undefined && one === letters[at])) {
      at++
      next++
    } else if (star >= 0) {
      next = star + 1
      at = ++covered
    } else return false
  }
  return wanted.slice(next).every((one) => one === '%')
}
