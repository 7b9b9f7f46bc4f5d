import type { Acknowledged } from '../support/emulator.ts'

/** A commit of the store at which a process can die. */
export interface CommitPoint {
  readonly commit: number
  readonly when: 'before' | 'after'
  /** What is committed. */
  readonly name: string
}

interface Logged {
  readonly commit: number
  readonly names: readonly string[]
  readonly at: number
}

/**
 * The first and the last commit of each sort, each with the moment before it and the one after. Where nothing was
 * written to the world between two of them, after the one is before the other, and counts once.
 */
export function commitsOf(log: string, writes: readonly Acknowledged[]): readonly CommitPoint[] {
  const lines = log
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Logged)
  const chosen = new Map<string, Logged>()
  for (const line of lines) {
    const name = nameOf(line)
    if (!chosen.has(`first ${name}`)) chosen.set(`first ${name}`, line)
    chosen.set(`last ${name}`, line)
  }
  const named = new Map([...chosen].map(([name, { commit }]) => [commit, name]))
  const written = writes.map(({ at }) => Date.parse(String(at)))
  // An instant of the record is whole milliseconds: what came in the same one may have come between.
  const isQuiet = (from: number, to: number) => !written.some((at) => at >= from - 1 && at <= to + 1)
  const followsQuietly = ({ commit, at }: Logged) => {
    const before = lines.find((line) => line.commit === commit - 1)
    return before !== undefined && named.has(before.commit) && isQuiet(before.at, at)
  }
  return [...new Set(chosen.values())].flatMap((line) => {
    const point = (when: CommitPoint['when']) => ({ commit: line.commit, when, name: named.get(line.commit) ?? '' })
    return followsQuietly(line) ? [point('after')] : [point('before'), point('after')]
  })
}

function nameOf({ names }: Logged): string {
  return [...new Set(names)].join(', ')
}
