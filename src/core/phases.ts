import type { Milliseconds } from './duration.ts'
import type { JsonObject } from './model.ts'

/**
 * The parts of a failover in their order. `lease` is the point of no return: once the journal has it, the failover
 * is carried to its end by whichever controller holds the lease, whatever returns meanwhile.
 */
export const PHASES = [
  'detect',
  'decide',
  'lease',
  'fence',
  'drain',
  'promote',
  'resubmit',
  'pointer',
  'verify',
  'report',
] as const

export type Phase = (typeof PHASES)[number]

/** What is done as far as it can be: the lost side may not answer at all. What is left is done when it returns. */
const BEST_EFFORT: ReadonlySet<Phase> = new Set(['fence', 'drain'])
const BEST_EFFORT_ATTEMPTS = 2

/** The four spans that reports show apart. */
export type Part = 'detect' | 'decide' | 'execute' | 'verify'

const PARTS: Readonly<Record<Phase, Part>> = {
  detect: 'detect',
  decide: 'decide',
  lease: 'execute',
  fence: 'execute',
  drain: 'execute',
  promote: 'execute',
  resubmit: 'execute',
  pointer: 'execute',
  verify: 'verify',
  report: 'verify',
}

/**
 * The records of failovers, in the journal of a protection:
 *
 * - `failover/begun` `{ id, from, to, epoch, reason }`
 * - `failover/phase-begun` `{ id, phase }`
 * - `failover/phase-done` `{ id, phase, milliseconds, … }`
 * - `failover/phase-failed` `{ id, phase, milliseconds, code, message }`
 * - `failover/ended` `{ id, outcome }`, with `done` or `abandoned`
 */
export interface FailoverRecord {
  readonly type: string
  readonly body: JsonObject
}

/** A failover as the journal has it. */
export interface FailoverState {
  readonly id: string
  readonly begun: JsonObject
  readonly outcome: 'running' | 'done' | 'abandoned'
  /** Whether it can no longer be abandoned. */
  readonly committed: boolean
  readonly done: ReadonlySet<Phase>
  /** Phases that were given up, with their last failure. */
  readonly left: ReadonlyMap<Phase, string>
  /** How often each phase was begun. */
  readonly attempts: ReadonlyMap<Phase, number>
  readonly times: Readonly<Record<Part, Milliseconds>>
}

export type Next =
  | { readonly do: 'phase'; readonly phase: Phase; readonly attempt: number }
  /** All phases are over: write `failover/ended`. */
  | { readonly do: 'end' }
  | { readonly do: 'nothing' }

/** Every failover in some records, in the order in which they began. */
export function failovers(records: Iterable<FailoverRecord>): readonly FailoverState[] {
  const byId = new Map<string, Folding>()
  for (const { type, body } of records) {
    const id = String(body['id'] ?? '')
    if (type === 'failover/begun' && !byId.has(id)) byId.set(id, new Folding(id, body))
    else if (type.startsWith('failover/')) byId.get(id)?.take(type, body)
  }
  return [...byId.values()].map((one) => one.state())
}

/** The failover that has begun and not ended. There is at most one, since only the holder of the lease writes. */
export function runningFailover(records: Iterable<FailoverRecord>): FailoverState | undefined {
  return failovers(records).find((one) => one.outcome === 'running')
}

/** The phase to do now. A phase that was begun and has no end is done again: each ends in the same place. */
export function nextPhase(state: FailoverState): Next {
  if (state.outcome !== 'running') return { do: 'nothing' }
  const phase = PHASES.find((one) => !state.done.has(one) && !state.left.has(one))
  return phase === undefined ? { do: 'end' } : { do: 'phase', phase, attempt: (state.attempts.get(phase) ?? 0) + 1 }
}

class Folding {
  readonly #id: string
  readonly #begun: JsonObject
  #outcome: FailoverState['outcome'] = 'running'
  readonly #done = new Set<Phase>()
  readonly #left = new Map<Phase, string>()
  readonly #attempts = new Map<Phase, number>()
  readonly #times: Record<Part, Milliseconds> = { detect: 0, decide: 0, execute: 0, verify: 0 }

  constructor(id: string, begun: JsonObject) {
    this.#id = id
    this.#begun = begun
  }

  take(type: string, body: JsonObject): void {
    const phase = PHASES.find((one) => one === body['phase'])
    if (type === 'failover/ended') this.#outcome = body['outcome'] === 'abandoned' ? 'abandoned' : 'done'
    if (phase === undefined || this.#done.has(phase)) return
    const milliseconds = Number(body['milliseconds'] ?? 0)
    if (type === 'failover/phase-begun') this.#attempts.set(phase, (this.#attempts.get(phase) ?? 0) + 1)
    else this.#times[PARTS[phase]] += Number.isFinite(milliseconds) ? milliseconds : 0
    if (type === 'failover/phase-done') this.#done.add(phase)
    else if (type === 'failover/phase-failed' && this.#gaveUp(phase))
      this.#left.set(phase, String(body['message'] ?? ''))
  }

  #gaveUp(phase: Phase): boolean {
    return BEST_EFFORT.has(phase) && (this.#attempts.get(phase) ?? 0) >= BEST_EFFORT_ATTEMPTS
  }

  state(): FailoverState {
    return {
      id: this.#id,
      begun: this.#begun,
      outcome: this.#outcome,
      committed: this.#attempts.has('lease') || this.#done.has('lease'),
      done: this.#done,
      left: this.#left,
      attempts: this.#attempts,
      times: this.#times,
    }
  }
}
