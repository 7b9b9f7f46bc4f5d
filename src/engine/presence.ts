import { Fault, isFault } from '../core/errors.ts'
import type { Side } from '../core/model.ts'
import type { Parts } from './parts.ts'
import { processClock } from './time.ts'

/** Takes in a failure. Where it may come of a side that is gone, both sides are asked before this resolves. */
export type Doubt = (thrown: unknown) => Promise<void>

export interface Attended {
  /** Aborts with the reason once nothing of a side answers. */
  readonly signal: AbortSignal
  readonly doubt: Doubt
}

/** After both sides were found to answer, failures are the affair of what failed for so long. */
const TRUSTED_MILLISECONDS = 10_000

/**
 * The options of an act that needs both sides, which ends as a whole where one of them is gone: else each thing would
 * be tried until it is given up. What is attended already stays so.
 */
export function attended<T extends Partial<Attended> & Pick<Attended, 'signal'> & { readonly parts: Parts }>(
  options: T,
): T & Attended {
  if (options.doubt !== undefined) return { ...options, doubt: options.doubt }
  const ending = new AbortController()
  const signal = AbortSignal.any([options.signal, ending.signal])
  let asking: Promise<void> | undefined
  let trustedUntil = Number.NEGATIVE_INFINITY

  async function ask(why: Fault): Promise<void> {
    const gone = await silentSides(options.parts, signal)
    trustedUntil = processClock() + TRUSTED_MILLISECONDS
    if (gone.length > 0) ending.abort(goneFault(gone, why))
  }

  async function doubt(thrown: unknown): Promise<void> {
    if (!isFault(thrown, 'azure/unreachable') || signal.aborted) return
    if (asking === undefined && processClock() < trustedUntil) return
    asking ??= ask(thrown).finally(() => {
      asking = undefined
    })
    await asking
  }

  return { ...options, signal, doubt }
}

/** Whether an act was ended because a side is gone. */
export function goneIn(signal: AbortSignal): Fault | undefined {
  return signal.aborted && isFault(signal.reason, 'azure/unreachable') ? signal.reason : undefined
}

async function silentSides({ answers }: Parts, signal: AbortSignal): Promise<readonly Side[]> {
  if (answers === undefined) return []
  const sides: readonly Side[] = ['primary', 'secondary']
  const there = await Promise.all(sides.map((side) => answers(side, signal)))
  return sides.filter((_, index) => there[index] === false)
}

function goneFault(sides: readonly Side[], { message }: Fault): Fault {
  return new Fault('azure/unreachable', `Nothing of the ${sides.join(' and the ')} answers from here. ${message}`, {
    facts: { gone: sides.join() },
    hint: 'Run it again when it answers. What was carried stays; all else keeps its recovery point.',
  })
}
