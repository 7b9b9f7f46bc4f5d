import { Fault, isFault } from '../core/errors.ts'
import type { Address } from '../core/model.ts'
import { ahead } from './ahead.ts'

interface Stopping<T> {
  /** How many are under way at once. */
  readonly width: number
  readonly signal: AbortSignal
  stop(one: T): Promise<Address>
}

/**
 * Stops each of some things, and goes on where one of them cannot be stopped: it must not keep the others running.
 *
 * @throws Fault once all were tried, where any could not be stopped; at once where the side does not answer
 */
export async function stopEach<T>(
  things: AsyncIterable<T>,
  { width, signal, stop }: Stopping<T>,
): Promise<readonly Address[]> {
  const stopped: Address[] = []
  const failures: unknown[] = []
  const tried = async (one: T) => {
    try {
      return await stop(one)
    } catch (thrown) {
      if (signal.aborted || isFault(thrown, 'azure/unreachable', 'azure/throttled', 'azure/signin')) throw thrown
      failures.push(thrown)
      return undefined
    }
  }
  for await (const address of ahead(width, things, tried)) if (address !== undefined) stopped.push(address)
  if (failures.length > 0) throw allOf(failures, stopped.length)
  return stopped.sort()
}

function allOf([first, ...more]: readonly unknown[], stopped: number): unknown {
  if (more.length === 0 || !isFault(first)) return first
  const left = more.length + 1
  return new Fault(first.code, `${left} could not be stopped, ${stopped} were; of the first: ${first.message}`, {
    facts: { ...first.facts, left },
    hint: first.hint ?? 'Stop them by hand.',
    cause: first,
  })
}
