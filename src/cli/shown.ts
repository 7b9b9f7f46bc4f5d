import { readable } from '../core/readable.ts'
import type { Terminal } from './terminal.ts'

/** `1 step`, `3 steps`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** Names the kinds that could not be read, those with one reason in one line. */
export function showUnread(io: Terminal, incomplete: ReadonlyMap<string, string>, where = ''): void {
  for (const [why, kinds] of Map.groupBy(incomplete.keys(), (kind) => incomplete.get(kind) ?? '')) {
    io.say(`${io.paint('yellow', 'not read')}  ${[...kinds].sort().join(', ')}${where}: ${readable(why)}`)
  }
}
