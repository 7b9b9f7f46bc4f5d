import { type FaultCode, isFault } from '../../core/errors.ts'
import type { TrackedExperiment } from '../../mlflow/tracking.ts'
import { type Identities, identities } from './identities.ts'
import type { HistoryParts, Remark, Trouble } from './parts.ts'

/** One pass over a history: what it works with, and what it found so far. */
export interface Pass {
  readonly parts: HistoryParts
  readonly identities: Identities
  readonly signal: AbortSignal
  /** Experiments of the source that the filter takes, by id. */
  readonly experiments: ReadonlyMap<string, TrackedExperiment>
  /** Ids of the same experiments at the target; filled once they stand there. */
  readonly targets: string[]
  readonly troubles: Trouble[]
  /** Those of them that an earlier pass told, of what is unchanged: nothing is left to be done about them. */
  readonly toldAgain: Set<Trouble>
  /** What was told as lost of runs, by their subject: a run may be tried again. */
  readonly lost: Map<string, ReadonlySet<string>>
  readonly remarks: Remark[]
  readonly tally: Tally
  /** The replica of a run that was made last in this pass. */
  readonly made: { last?: Witness }
}

/** A run of the source and its replica, by which a target is known again. */
export interface Witness {
  readonly run: string
  readonly replica: string
}

export interface Tally {
  runs: number
  unchanged: number
  files: number
  bytes: number
  loggedModels: number
  models: number
  versions: number
  traces: number
}

/** Faults in a row by which a place counts as lost, so that a pass does not name every run of it. */
const MOST_SILENT = 5

export function openPass(
  parts: HistoryParts,
  experiments: ReadonlyMap<string, TrackedExperiment>,
  signal: AbortSignal,
): Pass {
  return {
    parts,
    identities: identities(parts),
    signal,
    experiments,
    targets: [],
    troubles: [],
    toldAgain: new Set(),
    lost: new Map(),
    remarks: [],
    tally: { runs: 0, unchanged: 0, files: 0, bytes: 0, loggedModels: 0, models: 0, versions: 0, traces: 0 },
    made: {},
  }
}

/**
 * Does one thing and names it if it fails, so that the others go on. A place that no longer answers, or that no
 * longer lets us in, ends the pass.
 */
export async function apart(pass: Pass, subject: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (thrown) {
    pass.signal.throwIfAborted()
    if (isFault(thrown, 'store/full', 'store/damaged', 'azure/signin')) throw thrown
    const code = isFault(thrown) ? thrown.code : 'run/defect'
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    pass.troubles.push({ subject, code, message })
    const last = pass.troubles.slice(-MOST_SILENT)
    const isLost = last.length === MOST_SILENT && last.every((one) => one.message.includes('did not answer'))
    if (isLost) throw thrown
  }
}

/**
 * Does a part of a pass and names it if a place refuses to give what it needs, so that the other parts go on. A place
 * that does not answer at all ends the pass.
 */
export async function asPart(pass: Pass, subject: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (thrown) {
    if (isSilence(thrown)) throw thrown
    await apart(pass, subject, () => Promise.reject(thrown))
  }
}

/** True where a place does not answer at all; one that answers that it failed says so with a status. */
export function isSilence(thrown: unknown): boolean {
  return isFault(thrown, 'azure/unreachable') && thrown.facts['status'] === undefined
}

/** How often something is done at most, and after which faults it is done again. */
export interface Persistence {
  readonly tries: number
  readonly after: readonly FaultCode[]
}

const UNANSWERED: Persistence = { tries: 3, after: ['azure/unreachable', 'azure/changed', 'blob/changed'] }

/** Does again what failed, if not told otherwise for want of an answer. What it does must be safe to do again. */
export async function persistently<T>(work: () => Promise<T>, { tries, after } = UNANSWERED): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await work()
    } catch (thrown) {
      if (tried >= tries || !isFault(thrown, ...after)) throw thrown
    }
  }
}
