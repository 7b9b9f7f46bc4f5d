import type { Command } from 'commander'
import { FAULTS, type Fault, isFault } from '../core/errors.ts'
import type { Json } from '../core/model.ts'
import { readable } from '../core/readable.ts'
import { shareable, shareableText } from './compose/shareable.ts'
import { systemFault } from './system-fault.ts'
import { type Terminal, terminal } from './terminal.ts'

/** What a verb does with its options. It says what people read, and the same as facts. */
export type Act<Options> = (options: Options, io: Terminal) => Promise<void>

/** Exit code for a defect of Holdfast itself. */
export const DEFECT = 70

/** Joins an act to a command: the terminal is made from `--json`, a fault becomes its message, hint and exit code. */
export function act<Options>(run: Act<Options>): (...args: readonly unknown[]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command
    const options = command.optsWithGlobals() as Options & { readonly json?: boolean }
    const io = terminal(options.json === undefined ? {} : { json: options.json })
    try {
      await run(options, io)
    } catch (thrown) {
      process.exitCode = explain(thrown, io)
    } finally {
      io.close()
    }
  }
}

/** Says what went wrong and what to do, without secrets, and gives the exit code for it. */
export function explain(thrown: unknown, io: Terminal): number {
  const fault = isFault(thrown) ? thrown : systemFault(thrown)
  if (fault !== undefined) {
    const [first = '', ...more] = readable(shareableText(fault.message)).split('\n')
    io.warn(`${io.alarm('red', 'holdfast:')} ${first}`)
    for (const line of more) io.warn(line)
    if (fault.hint !== undefined) io.warn(`  ${readable(shareableText(fault.hint))}`)
    io.facts({ error: asFacts(fault) })
    return FAULTS[fault.code].exit
  }
  const text = shareableText(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown))
  io.warn(`${io.alarm('red', 'holdfast:')} a defect of Holdfast itself:\n${text}`)
  io.facts({ error: { code: 'defect', message: text } })
  return DEFECT
}

/** The examples at the end of a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`
}

function asFacts(fault: Fault): Json {
  const { code, message, hint, facts } = fault
  return shareable({ code, message, hint, facts, retry: FAULTS[code].retry })
}
