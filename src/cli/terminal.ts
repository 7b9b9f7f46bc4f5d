import { styleText } from 'node:util'
import Table from 'cli-table3'

export type Style = Parameters<typeof styleText>[0]

/** Where a command writes, and how it may look there. */
export interface Terminal {
  /** True if `--json` was asked: nothing but one JSON value goes to standard output. */
  readonly json: boolean
  /** One line for people. Goes to standard error under `--json`. */
  say(line?: string): void
  /** One line about something that went wrong or needs care. Always standard error. */
  warn(line: string): void
  /**
   * Facts of the answer, for machines. Under `--json` all that is given until the end is one object, printed by
   * {@link close}: what failed stands beside what was found.
   */
  facts(value: object): void
  /** One line of JSON at once, under `--json`: for what goes on until it is ended. Facts are a line too from then on. */
  event(value: unknown): void
  /** Whatever is printed under `--json` is a line of a log from now on. The last says how it ended, in this form. */
  log(form: (facts: object) => object): void
  /** Shows a text as the last line, which moves on as others are printed. Nothing where nobody watches. */
  moving(text: string): void
  /** Text in a style for {@link say}, plain where colours are not wanted. */
  paint(style: Style, text: string): string
  /** The same for {@link warn}. */
  alarm(style: Style, text: string): string
  table(head: readonly string[], rows: readonly (readonly string[])[]): string
  /** Takes the moving line away and prints the facts. */
  close(): void
}

export interface TerminalOptions {
  readonly json?: boolean
  readonly out?: NodeJS.WriteStream
  readonly err?: NodeJS.WriteStream
}

const ERASE_LINE = '\r\u001b[2K'

export function terminal(options: TerminalOptions = {}): Terminal {
  const { json = false, out = process.stdout, err = process.stderr } = options
  const stream = json ? err : out
  const watched = err.isTTY === true && process.env['TERM'] !== 'dumb'
  const paint = (style: Style, text: string) => styleText(style, text, { stream, validateStream: true })
  const alarm = (style: Style, text: string) => styleText(style, text, { stream: err, validateStream: true })
  let line = ''
  let facts: object | undefined
  let lines = false
  let last: ((facts: object) => object) | undefined

  /** Text and the moving line may be on one screen: it makes room and comes back below. */
  function print(to: NodeJS.WriteStream, text: string): void {
    const aside = line !== '' && to.isTTY === true
    if (aside) err.write(ERASE_LINE)
    to.write(`${text}\n`)
    if (aside) err.write(line)
  }

  return {
    json,
    paint,
    alarm,
    say: (text = '') => print(stream, text),
    warn: (text) => print(err, text),
    facts: (value) => {
      facts = { ...facts, ...value }
    },
    event: (value) => {
      lines = true
      if (json) print(out, JSON.stringify(value))
    },
    log: (form) => {
      lines = true
      last = form
    },
    moving: (text) => {
      if (!watched) return
      line = cut(text, (err.columns ?? 80) - 1)
      err.write(`${ERASE_LINE}${line}`)
    },
    table: (head, rows) =>
      tableOf(
        head.map((cell) => paint('dim', cell)),
        rows,
        stream.isTTY === true ? stream.columns : undefined,
      ),
    close: () => {
      if (line !== '') err.write(ERASE_LINE)
      line = ''
      const value = last === undefined ? facts : last(facts ?? {})
      if (json && value !== undefined) print(out, JSON.stringify(value, undefined, lines ? undefined : 2))
      facts = undefined
      last = undefined
    },
  }
}

/** A line that wrapped could not be erased. */
function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`
}

/** Narrower than this, a column is a worse read than a line that wraps. */
const NARROWEST = 24

/**
 * Columns kept apart by space alone, so that lines can be cut with ordinary tools. On a screen that is too narrow the
 * last column is wrapped within itself.
 */
function tableOf(head: readonly string[], rows: readonly (readonly string[])[], columns: number | undefined): string {
  const whole = drawn(head, rows)
  if (columns === undefined || widest(whole) <= columns) return whole
  const last = head.length - 1
  const before = widest(
    drawn(
      head.slice(0, last),
      rows.map((row) => row.slice(0, last)),
    ),
  )
  const room = columns - before - GAP.length
  return room < NARROWEST ? whole : drawn(head, rows, { column: last, room })
}

const GAP = '  '
const BORDERS = ['top', 'bottom', 'left', 'right', 'mid', 'middle']
const JOINTS = BORDERS.flatMap((border) => ['', '-mid', '-left', '-right'].map((end) => `${border}${end}`))

function drawn(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  wrap?: { readonly column: number; readonly room: number },
): string {
  const table = new Table({
    head: [...head],
    chars: { ...Object.fromEntries(JOINTS.map((name) => [name, ''])), middle: GAP },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    ...(wrap === undefined
      ? {}
      : { colWidths: head.map((_, column) => (column === wrap.column ? wrap.room : null)), wordWrap: true }),
  })
  for (const row of rows) table.push([...row])
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

function widest(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: styles take no room
  return Math.max(...text.split('\n').map((line) => line.replace(/\u001b\[[0-9;]*m/g, '').length))
}
