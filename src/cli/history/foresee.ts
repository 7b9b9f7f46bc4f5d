import { census, chosenExperiments } from '../../engine/history/copy.ts'
import type { HistoryParts } from '../../engine/history/parts.ts'
import { openPass } from '../../engine/history/pass.ts'
import type { Terminal } from '../terminal.ts'

/** Says what a copy would look at, and writes nothing. */
export async function foresee(parts: HistoryParts, io: Terminal, signal: AbortSignal): Promise<void> {
  const pass = openPass(parts, await chosenExperiments(parts, signal), signal)
  const total = await census(pass)
  const lacking = parts.from.census.count(({ sharedId }) => parts.to.census.byShared(sharedId) === undefined)
  const rows = [...pass.experiments.values()].map(({ id, name }) => [name, String(lacking.get(id) ?? 0)])
  io.say(io.table(['experiment', 'runs to make'], rows))
  io.say(`${total} runs at the source are chosen; nothing was written.`)
  io.facts({ runs: total, toMake: Object.fromEntries(rows.map(([name, count]) => [name, Number(count)])) })
}
