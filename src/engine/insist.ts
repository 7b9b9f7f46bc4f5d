import { type Fault, type FaultCode, faultOf, isFault } from '../core/errors.ts'

/** Failures that say nothing of the thing itself: the side went away, and all is tried again when it is back. */
export const GONE_AGAIN: ReadonlySet<FaultCode> = new Set(['azure/unreachable', 'azure/throttled', 'azure/signin'])

/**
 * Does something that may be done twice on a side, and gives the failure that is its own. A defect is one too: what
 * has nothing to do with it goes on.
 *
 * Where it failed as it would if the side were away, the side is asked something else: if it answers, it is done once
 * more; if not, that is no failure of this one thing.
 *
 * @throws Fault where the side does not answer, and where nothing may be done any more
 */
export async function insist<T>(
  work: () => Promise<T>,
  { answers, signal }: { readonly answers: () => Promise<unknown>; readonly signal: AbortSignal },
): Promise<{ readonly value: T } | { readonly failed: Fault }> {
  const once = async () => {
    try {
      return { value: await work() }
    } catch (thrown) {
      if (signal.aborted || isFault(thrown, 'run/fenced')) throw thrown
      return { failed: faultOf(thrown) }
    }
  }
  const first = await once()
  if (!('failed' in first) || !GONE_AGAIN.has(first.failed.code)) return first
  await answers()
  return once()
}
