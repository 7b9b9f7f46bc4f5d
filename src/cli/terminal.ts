import { styleText } from 'node:util'
import Table from 'cli-table3'

export type Style = Parameters<typeof styleText>[0]

/** Where a command writes, and how it may look there. */
export interface Terminal {
  /** True where a person watches: colours and moving lines are welcome. */
  readonly live: boolean
  /** True if `--json` was asked: nothing but one JSON value goes to standard output. */
  readonly json: boolean
  /** One line for people. Goes to standard error under `--json`. */
  say(line?: string): void
  /** One line about something that went wrong or needs care. Always standard error. */
  warn(line: string): void
  /** The facts of the answer, for machines. Printed once, only under `--json`. */
  facts(value: unknown): void
  /** Text in a style, plain where colours are not wanted. */
  paint(style: Style, text: string): string
  table(head: readonly string[], rows: readonly (readonly string[])[]): string
}

export function terminal(options: { readonly json?: boolean } = {}): Terminal {
  const json = options.json ?? false
  const stream = json ? process.stderr : process.stdout
  const live = stream.isTTY === true && process.env['TERM'] !== 'dumb'
  const paint = (style: Style, text: string) => styleText(style, text, { stream, validateStream: true })
  return {
    live,
    json,
    paint,
    say: (line = '') => void stream.write(`${line}\n`),
    warn: (line) => void process.stderr.write(`${line}\n`),
    facts: (value) => {
      if (json) process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
    },
    table: (head, rows) =>
      tableOf(
        head.map((cell) => paint('dim', cell)),
        rows,
      ),
  }
}

/** Columns kept apart by space alone, so that lines can be cut with ordinary tools. */
function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const none = [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
  ]
  const more = ['mid', 'mid-mid', 'right', 'right-mid']
  const chars = Object.fromEntries([...none, ...more].map((name) => [name, '']))
  const table = new Table({
    head: [...head],
    chars: { ...chars, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  for (const row of rows) table.push([...row])
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}
