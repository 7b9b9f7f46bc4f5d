import { Fault } from '../../core/errors.ts'
import { unsteered } from '../../core/readable.ts'
import type { Trouble } from '../../engine/history/parts.ts'
import type { Terminal } from '../terminal.ts'

/** Names what was left, each with its reason. */
export function showTroubles(io: Terminal, troubles: readonly Trouble[], what: string): void {
  for (const { subject, message } of troubles)
    io.say(`${io.paint('yellow', what)}  ${unsteered(`${subject}: ${message}`)}`)
}

/** Ends a verb with 23 where something was left: what each is was said already. */
export function demandNone(left: number, what: string): void {
  if (left === 0) return
  throw new Fault('sync/loss', `${left} ${left === 1 ? 'thing is' : 'things are'} ${what}; each is named above`, {
    facts: { left },
    hint: 'Correct what is said of each and run it again; all else is done.',
  })
}
