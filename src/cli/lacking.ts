import { isFault } from '../core/errors.ts'
import { readable } from '../core/readable.ts'
import { lackingAt } from '../engine/room.ts'
import type { Terminal } from './terminal.ts'

/** What a side has no room for, in sentences. A region that does not say what it has keeps nobody from reading a plan. */
export async function lackingSaid(...asking: Parameters<typeof lackingAt>): Promise<readonly string[]> {
  try {
    return await lackingAt(...asking)
  } catch (thrown) {
    if (!isFault(thrown)) throw thrown
    return [`Whether there is quota for what would act there could not be read: ${thrown.message}`]
  }
}

export function showLacking(io: Terminal, lacking: readonly string[]): void {
  for (const what of lacking) io.say(`  ${io.paint('red', 'lack')}      ${readable(what)}`)
}
