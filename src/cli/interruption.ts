import { FAULTS, Fault, isFault } from '../core/errors.ts'
import type { Terminal } from './terminal.ts'

/** By which a person, a supervisor, and a terminal that closes tell a process to end. */
const ENDINGS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** One Ctrl-C may arrive twice: from the terminal, and from the process that started this one. */
const ECHO_MILLISECONDS = 500

/** What is under way in this process, by how it is told to end. */
const underWay = new Set<() => void>()

/**
 * Runs what ends in order when it is told to. Told once more it ends at once.
 *
 * @param told what it ends with then, unless it says itself who goes on with it
 */
export async function interruptible<T>(
  io: Terminal,
  work: (signal: AbortSignal) => Promise<T>,
  told: () => Fault = interrupted,
): Promise<T> {
  const ending = new AbortController()
  let asked = Number.POSITIVE_INFINITY
  const end = () => ending.abort(told())
  const interrupt = () => {
    if (performance.now() - asked > ECHO_MILLISECONDS) {
      io.moving('')
      process.exit(FAULTS['run/interrupted'].exit)
    }
    asked = Math.min(asked, performance.now())
    io.moving('ending in order; Ctrl-C once more ends it at once')
    end()
  }
  for (const name of ENDINGS) process.on(name, interrupt)
  underWay.add(end)
  try {
    return await work(ending.signal)
  } catch (thrown) {
    // Whatever broke off first when everything was told to end, the reason is that it was told.
    if (!ending.signal.aborted || saysItself(thrown)) throw thrown
    throw ending.signal.reason
  } finally {
    underWay.delete(end)
    for (const name of ENDINGS) process.off(name, interrupt)
  }
}

/** Tells what is under way to end in order, because nobody reads any more what it says. False where nothing is. */
export function endUnread(): boolean {
  for (const end of underWay) end()
  return underWay.size > 0
}

function interrupted(): Fault {
  return new Fault('run/interrupted', 'It was interrupted', { hint: 'Run it again: it goes on where it was.' })
}

function saysItself(thrown: unknown): boolean {
  return isFault(thrown, 'run/interrupted') && thrown.hint !== undefined
}
