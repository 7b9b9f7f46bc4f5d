import { readdirSync, readFileSync } from 'node:fs'

/** The value below which a share of the numbers lies. */
export function percentile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row.map((text, column) => (column === 0 ? text.padEnd : text.padStart).call(text, widths[column] ?? 0)),
    )
    .map((cells) => cells.join('  '))
    .join('\n')
}

/** Megabytes of a process: all that is resident, and its share where pages are used by several. */
export function memoryOf(pid: number): { readonly rss: number; readonly pss: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN) / 1024
  return { rss: of('Rss'), pss: of('Pss') }
}

/** {@link memoryOf} of all processes of a group together. */
export function memoryOfGroup(group: number): { readonly rss: number; readonly pss: number } {
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && groupOf(pid) === group)
  const all = pids.map(memoryOf)
  const sum = (of: 'rss' | 'pss') => all.reduce((total, one) => total + one[of], 0)
  return { rss: sum('rss'), pss: sum('pss') }
}

function groupOf(pid: number): number | undefined {
  try {
    // The name of the program, in brackets, may hold spaces.
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[2])
  } catch {
    return undefined
  }
}
