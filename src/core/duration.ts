/** A span of time. Everything in core counts in these. */
export type Milliseconds = number

const UNITS: readonly (readonly [unit: string, milliseconds: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
]

/** `90s`, `5m`, `1h30m`, `500ms`: whole numbers, from the largest unit down, each at most once. `undefined` for anything else. */
export function parseDuration(text: string): Milliseconds | undefined {
  const match = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text.trim())
  if (match === null || text.trim() === '') return undefined
  const sum = UNITS.reduce((total, [, milliseconds], index) => total + Number(match[index + 1] ?? 0) * milliseconds, 0)
  return Number.isSafeInteger(sum) ? sum : undefined
}

/** The shortest text that means exactly this, as a person would write it: `1h30m`. */
export function formatDuration(duration: Milliseconds): string {
  let rest = Math.max(0, Math.round(duration))
  if (rest === 0) return '0s'
  let text = ''
  for (const [unit, milliseconds] of UNITS) {
    const count = Math.floor(rest / milliseconds)
    if (count > 0) text += `${count}${unit}`
    rest -= count * milliseconds
  }
  return text
}

/** For sentences: no more than two units, so `1h29m59s999ms` reads `1h29m`. */
export function roughly(duration: Milliseconds): string {
  const parts = formatDuration(duration).match(/\d+[a-z]+/g) ?? []
  const readable = parts.length > 1 ? parts.filter((part) => !part.endsWith('ms')) : parts
  return readable.slice(0, 2).join('')
}
