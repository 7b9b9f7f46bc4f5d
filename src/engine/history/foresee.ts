import { beginPass, learnTarget } from './copy.ts'
import type { HistoryParts, Trouble } from './parts.ts'
import { takes } from './runs.ts'

/** What a copy would look at, and what it would name before it looks. */
export interface Foreseen {
  /** How many runs of the source the filter takes. */
  readonly runs: number
  /** How many of these the target does not have, by the names of their experiments. */
  readonly toMake: ReadonlyMap<string, number>
  readonly troubles: readonly Trouble[]
}

/** Looks at both sides as a copy does, and writes nothing. */
export async function foresee(parts: HistoryParts, signal: AbortSignal): Promise<Foreseen> {
  const pass = await beginPass(parts, signal)
  const { experiments, identities, troubles } = pass
  await learnTarget(pass)
  const toMake = new Map([...experiments.values()].map(({ name }) => [name, 0]))
  let runs = 0
  for await (const run of parts.from.tracking.runs([...experiments.keys()], signal)) {
    if (!takes(pass, run)) continue
    runs += 1
    if (identities.run(run.info.run_id) !== undefined) continue
    const name = experiments.get(run.info.experiment_id)?.name ?? run.info.experiment_id
    toMake.set(name, (toMake.get(name) ?? 0) + 1)
  }
  return { runs, toMake, troubles }
}
