import { isFault } from '../../core/errors.ts'
import { OPEN_STATUSES, type TrackedExperiment } from '../../mlflow/tracking.ts'
import type { HistoryParts, Trouble } from './parts.ts'

const AT_ONCE = 100
/** Finds few: what is asked is whether anybody may ask. */
const FEW = `attributes.status = '${OPEN_STATUSES[0]}'`

type Experiments = ReadonlyMap<string, TrackedExperiment>

/** Experiments whose runs the source lets us read, and those that it does not: these must not cost the others. */
export async function readableOf(
  { from }: Pick<HistoryParts, 'from'>,
  experiments: Experiments,
  signal: AbortSignal,
): Promise<{ readonly readable: Experiments; readonly forbidden: readonly Trouble[] }> {
  const readable = new Map<string, TrackedExperiment>()
  const forbidden: Trouble[] = []
  let last: unknown
  const all = [...experiments.values()]

  async function sort(some: readonly TrackedExperiment[]): Promise<void> {
    const denial = await denialOf(from, some, signal)
    if (denial === undefined) for (const one of some) readable.set(one.id, one)
    else if (some.length > 1) for (const one of some) await sort([one])
    else {
      last = denial
      for (const { name } of some) {
        forbidden.push({ subject: `experiment ${name}`, code: denial.code, message: denial.message })
      }
    }
  }

  for (let at = 0; at < all.length; at += AT_ONCE) await sort(all.slice(at, at + AT_ONCE))
  // Whoever may read none of several is not let in at all.
  if (readable.size === 0 && last !== undefined) throw last
  return { readable, forbidden }
}

async function denialOf({ tracking }: HistoryParts['from'], some: readonly TrackedExperiment[], signal: AbortSignal) {
  const ids = some.map(({ id }) => id)
  try {
    for await (const _ of tracking.runs(ids, signal, FEW)) break
    return undefined
  } catch (thrown) {
    // A place that cannot search so is asked in another way later.
    if (isFault(thrown, 'azure/refused')) return undefined
    if (isFault(thrown, 'azure/denied')) return thrown
    throw thrown
  }
}
