/** A command of a transcript, with what it printed and the code it ended with. */
export interface Line {
  /** Index in the lines of the file. */
  readonly at: number
  readonly command: string
  readonly expected: readonly string[]
}

/**
 * What a command printed, in the form in which two runs of it are equal.
 *
 * Standard output and error come together. A code other than 0 is the last line: `[23]`.
 */
export interface Printed {
  readonly text: string
  readonly code: number
}

const COMMAND = '  $ '
const PRINTED = '  '
/** Stands for any number of lines. */
const ANY = '…'

/**
 * Reads a transcript: text for people from the first column on; a command behind two spaces and a `$`;
 * what it prints behind two spaces. `…` alone stands for any lines.
 */
export function readTranscript(text: string): readonly Line[] {
  const lines = text.split('\n')
  return lines.flatMap((line, at) => {
    if (!line.startsWith(COMMAND)) return []
    const rest = lines.slice(at + 1)
    const end = rest.findIndex((one) => one.startsWith(COMMAND) || !(one.startsWith(PRINTED) || one === ''))
    const expected = rest.slice(0, end < 0 ? undefined : end).map((one) => one.slice(PRINTED.length))
    while (expected.at(-1) === '') expected.pop()
    return [{ at, command: line.slice(COMMAND.length), expected }]
  })
}

/** Lines of what was printed, with names in place of what no two runs have in common. */
export function plainLines({ text, code }: Printed): readonly string[] {
  const lines = PLAIN.reduce((plain, [pattern, name]) => plain.replaceAll(pattern, name), text)
    .split('\n')
    .map((line) => line.trimEnd())
  while (lines.at(-1) === '') lines.pop()
  return code === 0 ? lines : [...lines, `[${code}]`]
}

const PLAIN: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, '‹guid›'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '‹instant›'],
  [/\b\d\d:\d\d:\d\d\.\d{3}\b/g, '‹time›'],
  [/\bf[0-9a-f]{8}\b/g, 'f‹id›'],
  [/\b(\d+h)?(\d+m)?\d+(\.\d+)? ?(ms|s)\b/g, '‹while›'],
  [/\b\d+[hm](\d+m)?\b(?= (old|of work|ago|before|after))/g, '‹while›'],
  [/\bepoch \d+/g, 'epoch ‹n›'],
  [/\b[\w.-]+ on [\w.-]+ (?=agreed|wants|until)/g, '‹who› '],
  [/(?<=\/\/(127\.0\.0\.1|localhost):)\d+/g, '‹port›'],
  [/(?<=(running|starting) +)\d+$/gm, '‹pid›'],
  [/\S+\/holdfast-drill-\w+/g, '‹here›'],
  // What is set in columns depends on the length of what was named.
  [/(?<=\S) {2,}(?=\S)/g, '  '],
]

/** Where what was printed is not what is expected: the first line that differs. Nothing where it is. */
export function differs(expected: readonly string[], printed: readonly string[]): string | undefined {
  const [head, ...tail] = expected
  if (head === undefined) return printed[0] === undefined ? undefined : `prints more: ${printed[0]}`
  if (head === ANY) {
    const found = printed.map((_, from) => differs(tail, printed.slice(from)))
    if (tail.length === 0 || found.includes(undefined)) return undefined
    return `does not print behind … : ${tail[0]}`
  }
  if (printed[0] === undefined) return `does not print: ${head}`
  return printed[0] === head ? differs(tail, printed.slice(1)) : `prints ${printed[0]}\n    where it had   ${head}`
}

/** The transcript with what was printed now. A `…` stays where what stands around it still holds. */
export function rewritten(text: string, printed: ReadonlyMap<number, readonly string[]>): string {
  const commands = readTranscript(text)
  const lines = text.split('\n')
  for (const { at, expected } of [...commands].reverse()) {
    const now = printed.get(at)
    if (now === undefined || differs(expected, now) === undefined) continue
    lines.splice(at + 1, expected.length, ...now.map((line) => `${PRINTED}${line}`.trimEnd()))
  }
  return lines.join('\n')
}
