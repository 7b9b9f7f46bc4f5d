import type { Milliseconds } from './duration.ts'
import { FAULTS, type FaultCode } from './errors.ts'
import type { JsonObject } from './model.ts'

/** The four spans that reports show apart. */
export type Part = 'detect' | 'decide' | 'execute' | 'verify'

/** One phase of a change of the active side, and what follows if it fails. */
interface PhaseRule {
  readonly part: Part
  /**
   * `retry`: it must be done, and is tried without end. `leave`: it is done as far as it can be, and given up after
   * two attempts. `turn-back`: after two attempts, or at once where trying again cannot help, all goes back to where
   * it was.
   */
  readonly failed: 'retry' | 'leave' | 'turn-back'
}

/** The lost side may not answer at all. What is left is done when it returns. */
const LEFT: PhaseRule = { part: 'execute', failed: 'leave' }
const EXECUTED: PhaseRule = { part: 'execute', failed: 'retry' }
const REVERSIBLE: PhaseRule = { part: 'execute', failed: 'turn-back' }
const VERIFIED: PhaseRule = { part: 'verify', failed: 'retry' }

/** From where both ways of changing the active side go the same way. */
const TAKING_OVER = { promote: EXECUTED, resubmit: EXECUTED, pointer: EXECUTED } as const

/**
 * The phases of each way in which the active side changes, in their order.
 *
 * In a `failover` the active side is lost; in a `switchover` it is well, and nothing may be lost.
 */
const MOVES = {
  failover: {
    detect: { part: 'detect', failed: 'retry' },
    decide: { part: 'decide', failed: 'retry' },
    lease: EXECUTED,
    fence: LEFT,
    drain: LEFT,
    ...TAKING_OVER,
    verify: VERIFIED,
    report: VERIFIED,
  },
  switchover: {
    decide: { part: 'decide', failed: 'retry' },
    lease: EXECUTED,
    quiesce: REVERSIBLE,
    settle: REVERSIBLE,
    stop: REVERSIBLE,
    carry: REVERSIBLE,
    ...TAKING_OVER,
    verify: VERIFIED,
    return: { part: 'verify', failed: 'leave' },
    report: VERIFIED,
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, PhaseRule>>>>

export type Move = keyof typeof MOVES

/** The one phase of a change that turned back: what was stopped acts again where it was. */
const REOPEN = 'reopen'

export type Phase = keyof typeof MOVES.failover | keyof typeof MOVES.switchover | typeof REOPEN

/** The point of no return: once the journal has it, the move is carried to its end, whatever returns meanwhile. */
const COMMITTED_BY: Readonly<Record<Move, Phase>> = { failover: 'lease', switchover: 'promote' }

const ATTEMPTS = 2

/** The phases of a move in their order. */
export function phasesOf(move: Move): readonly Phase[] {
  return Object.keys(MOVES[move]) as readonly Phase[]
}

/** Whether a phase that fails is tried again at once: it is given up, or all turns back, after so many attempts. */
export function isBounded({ move }: Pick<FailoverState, 'move'>, phase: Phase): boolean {
  return ruleOf(move, phase)?.failed !== 'retry'
}

function ruleOf(move: Move, phase: Phase): PhaseRule | undefined {
  const rules: Readonly<Partial<Record<Phase, PhaseRule>>> = { ...MOVES[move], [REOPEN]: EXECUTED }
  return rules[phase]
}

/**
 * The records of failovers, in the journal of a protection:
 *
 * - `failover/begun` `{ id, move, from, to, epoch, reason }`
 * - `failover/phase-begun` `{ id, phase }`
 * - `failover/phase-done` `{ id, phase, milliseconds, … }`
 * - `failover/phase-failed` `{ id, phase, milliseconds, code, message, again }`
 * - `failover/agreed` `{ id, by }`, where a person wants it carried on although its side answers again
 * - `failover/turned-back` `{ id, by, message }`, where a person wants it
 * - `failover/ended` `{ id, outcome }`, with `done`, `abandoned` or `undone`
 */
export interface FailoverRecord {
  readonly type: string
  readonly body: JsonObject
}

/** `undone`: it turned back, and all is where it was. `abandoned`: nothing had been done yet. */
export type Outcome = 'running' | 'done' | 'abandoned' | 'undone'

/** A failover as the journal has it, or a switchover, which is a planned one. */
export interface FailoverState {
  readonly id: string
  readonly move: Move
  readonly begun: JsonObject
  readonly outcome: Outcome
  /** Whether it can no longer be abandoned. */
  readonly committed: boolean
  /** A person wants it carried on, whatever answers. */
  readonly agreed: boolean
  readonly done: ReadonlySet<Phase>
  /** Phases that were given up, with their last failure. */
  readonly left: ReadonlyMap<Phase, string>
  /** Why it goes back, if it does. */
  readonly turnedBack: string | undefined
  /** How often each phase was begun. */
  readonly attempts: ReadonlyMap<Phase, number>
  readonly times: Readonly<Record<Part, Milliseconds>>
}

export type Next =
  | { readonly do: 'phase'; readonly phase: Phase; readonly attempt: number }
  /** All phases are over: write `failover/ended`. */
  | { readonly do: 'end'; readonly outcome: 'done' | 'undone' }
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
  const phases: readonly Phase[] = state.turnedBack === undefined ? phasesOf(state.move) : [REOPEN]
  const phase = phases.find((one) => !state.done.has(one) && !state.left.has(one))
  if (phase === undefined) return { do: 'end', outcome: state.turnedBack === undefined ? 'done' : 'undone' }
  return { do: 'phase', phase, attempt: (state.attempts.get(phase) ?? 0) + 1 }
}

function moveOf({ move }: JsonObject): Move {
  return move === 'switchover' ? move : 'failover'
}

const OUTCOMES: readonly Outcome[] = ['abandoned', 'undone']

class Folding {
  readonly #id: string
  readonly #begun: JsonObject
  readonly #move: Move
  #outcome: Outcome = 'running'
  #turnedBack: string | undefined
  #agreed = false
  readonly #done = new Set<Phase>()
  readonly #left = new Map<Phase, string>()
  readonly #attempts = new Map<Phase, number>()
  readonly #times: Record<Part, Milliseconds> = { detect: 0, decide: 0, execute: 0, verify: 0 }

  constructor(id: string, begun: JsonObject) {
    this.#id = id
    this.#begun = begun
    this.#move = moveOf(begun)
  }

  take(type: string, body: JsonObject): void {
    if (type === 'failover/ended') this.#outcome = OUTCOMES.find((one) => one === body['outcome']) ?? 'done'
    if (type === 'failover/agreed') this.#agreed = true
    if (type === 'failover/turned-back') this.#turnBack(String(body['message'] ?? ''))
    const phase = body['phase'] as Phase
    const rule = ruleOf(this.#move, phase)
    if (rule === undefined || this.#done.has(phase)) return
    const milliseconds = Number(body['milliseconds'] ?? 0)
    if (type === 'failover/phase-begun') this.#attempts.set(phase, (this.#attempts.get(phase) ?? 0) + 1)
    else this.#times[rule.part] += Number.isFinite(milliseconds) ? milliseconds : 0
    if (type === 'failover/phase-done') this.#done.add(phase)
    else if (type === 'failover/phase-failed') this.#failed(phase, rule, body)
  }

  #failed(phase: Phase, rule: PhaseRule, { code, message }: JsonObject): void {
    const often = (this.#attempts.get(phase) ?? 0) >= ATTEMPTS
    if (rule.failed === 'leave' && often) this.#left.set(phase, String(message ?? ''))
    if (rule.failed === 'turn-back' && (often || FAULTS[code as FaultCode]?.retry !== 'later'))
      this.#turnBack(String(message ?? ''))
  }

  #turnBack(why: string): void {
    if (!this.#committed()) this.#turnedBack ??= why
  }

  #committed(): boolean {
    const last = COMMITTED_BY[this.#move]
    return this.#attempts.has(last) || this.#done.has(last)
  }

  state(): FailoverState {
    return {
      id: this.#id,
      move: this.#move,
      begun: this.#begun,
      outcome: this.#outcome,
      committed: this.#committed(),
      agreed: this.#agreed,
      done: this.#done,
      left: this.#left,
      turnedBack: this.#turnedBack,
      attempts: this.#attempts,
      times: this.#times,
    }
  }
}
