import { readable } from '../core/readable.ts'
import type { Terminal } from './terminal.ts'

/** Names the kinds that could not be read, those with one reason in one line. */
export function showUnread(io: Terminal, incomplete: ReadonlyMap<string, string>, where = ''): void {
  for (const [why, kinds] of Map.groupBy(incomplete.keys(), (kind) => incomplete.get(kind) ?? '')) {
    io.say(`${io.paint('yellow', 'not read')}  ${[...kinds].sort().join(', ')}${where}: ${readable(why)}`)
  }
}
