import { unsteered } from '../../core/readable.ts'
import type { Foreseen } from '../../engine/history/foresee.ts'
import type { Terminal } from '../terminal.ts'
import { demandNone, showTroubles } from './left.ts'

/** Says what a copy would make, and what it would name. */
export function showForeseen({ runs, toMake, troubles }: Foreseen, io: Terminal): void {
  const rows = [...toMake].map(([name, count]) => [unsteered(name), String(count)])
  io.say(io.table(['experiment', 'runs to make'], rows))
  showTroubles(io, troubles, 'not carried')
  io.say(`${runs} runs at the source are chosen; nothing was written.`)
  io.facts({ runs, toMake: Object.fromEntries(toMake), notCarried: troubles })
  demandNone(troubles.length, 'not carried')
}
