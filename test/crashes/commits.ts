import type { Acknowledged } from '../support/emulator.ts'

/**
 * A commit of the store at which a process can die. It is told by what it commits and how many of its sort there
 * were, and not by its number among all: that would be another one wherever something else is committed in between.
 */
export interface CommitPoint {
  readonly when: 'before' | 'after'
  /** What is committed. */
  readonly sort: string
  /** The how manieth of its sort, from one. */
  readonly nth: number
}

interface Logged {
  readonly sort: string
  readonly nth: number
  readonly at: number
}

/** How many there are is for the clock to say, and between two of them nothing else need be. */
const BY_THE_CLOCK = 'leases renewed'

/**
 * The first and the last commit of each sort, each with the moment before it and the one after. Where nothing was
 * written to the world between two of them, after the one is before the other, and counts once.
 */
export function commitsOf(log: string, writes: readonly Acknowledged[]): readonly CommitPoint[] {
  const lines = log
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Logged)
    .filter(({ sort }) => sort !== BY_THE_CLOCK)
  const last = new Map(lines.map((line) => [line.sort, line]))
  const chosen = new Set(lines.filter((line) => line.nth === 1 || last.get(line.sort) === line))
  const written = writes.map(({ at }) => Date.parse(String(at)))
  // An instant of the record is whole milliseconds: what came in the same one may have come between.
  const isQuiet = (from: number, to: number) => !written.some((at) => at >= from - 1 && at <= to + 1)
  return lines.flatMap((line, index) => {
    if (!chosen.has(line)) return []
    const before = lines[index - 1]
    const followsQuietly = before !== undefined && chosen.has(before) && isQuiet(before.at, line.at)
    const { sort, nth } = line
    return followsQuietly
      ? [{ when: 'after', sort, nth }]
      : (['before', 'after'] as const).map((when) => ({ when, sort, nth }))
  })
}
