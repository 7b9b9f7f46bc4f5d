import { FAULTS, type FaultCode } from './errors.ts'
import { type Address, type JsonObject, type Kind, kindOf } from './model.ts'
import type { Plan, Step } from './step.ts'

/** What the journal says about steps. `begun` without an end means: it may or may not have happened. */
export type StepRecord =
  | { readonly type: 'step/begun'; readonly body: { readonly address: Address } }
  | { readonly type: 'step/done'; readonly body: { readonly address: Address } }
  | {
      readonly type: 'step/failed'
      readonly body: { readonly address: Address; readonly code: FaultCode; readonly message: string }
    }

export type StepState =
  /** Something must be over first. */
  | 'waiting'
  | 'ready'
  | 'begun'
  | 'done'
  /** It failed for good, or too often. A person must look. */
  | 'quarantined'
  /** What it needs is quarantined or stuck. */
  | 'stuck'

export interface Attempted {
  readonly step: Step
  readonly attempts: number
  readonly code: FaultCode | undefined
  readonly message: string
}

/** Attempts after which a failure that may pass is taken for one that does not. */
export const ATTEMPTS = 5

/**
 * Where a plan stands: what may start now, what is done, what is stuck.
 *
 * It is a fold over the journal and knows nothing else: the same plan and records give the same answers. Each record
 * costs what it changes.
 */
export class Run {
  readonly #steps: readonly Step[]
  readonly #positions: ReadonlyMap<Address, number>
  readonly #states: StepState[]
  /** Conditions that do not hold yet, by position. */
  readonly #pending: number[]
  readonly #attempts = new Map<number, { count: number; code: FaultCode | undefined; message: string }>()
  readonly #needing = new Map<number, number[]>()
  readonly #following = new Map<number, number[]>()
  /** Steps of a kind that are not over, and who waits until none is left. */
  readonly #gates = new Map<Kind, { open: number; readonly waiting: number[] }>()
  readonly #ready = new Set<number>()
  readonly #limit: number
  #open: number

  constructor(plan: Pick<Plan, 'steps' | 'kindsFirst'>, limit = ATTEMPTS) {
    this.#steps = plan.steps
    this.#limit = limit
    this.#open = plan.steps.length
    this.#positions = new Map(plan.steps.map((step, position) => [step.address, position]))
    this.#states = plan.steps.map(() => 'waiting')
    for (const kind of new Set(Object.values(plan.kindsFirst).flat())) this.#gates.set(kind, { open: 0, waiting: [] })
    for (const step of plan.steps) if (isMaking(step)) this.#count(kindOf(step.address), 1)
    this.#pending = plan.steps.map((step, position) => this.#conditions(step, position, plan.kindsFirst))
    for (const [position, pending] of this.#pending.entries()) if (pending === 0) this.#makeReady(position)
  }

  /** Takes in one record. Records of other types, or about steps of another plan, say nothing here. */
  record(record: { readonly type: string; readonly body: JsonObject }): void {
    const position = this.#positions.get(record.body['address'] as Address)
    if (position === undefined || this.#isOver(position)) return
    if (record.type === 'step/begun') this.#begin(position)
    else if (record.type === 'step/done') this.#settle(position, 'done')
    else if (record.type === 'step/failed') this.#fail(position, record.body)
  }

  /**
   * Says that whoever began steps is gone: what was begun and has no end may be begun again. A step that so often
   * ended with its process is quarantined, since it may be what ends it.
   */
  resume(): void {
    for (const [position, state] of this.#states.entries()) {
      if (state !== 'begun') continue
      if ((this.#attempts.get(position)?.count ?? 0) >= this.#limit) this.#settle(position, 'quarantined')
      else this.#makeReady(position)
    }
  }

  /** At most `limit` steps that may start now; all of them may run at once. */
  ready(limit = Number.POSITIVE_INFINITY): readonly Step[] {
    const steps: Step[] = []
    for (const position of this.#ready) {
      if (steps.length >= limit) break
      steps.push(this.#at(position))
    }
    return steps
  }

  state(address: Address): StepState | undefined {
    const position = this.#positions.get(address)
    return position === undefined ? undefined : this.#states[position]
  }

  /** True once nothing can start or is under way. Whether all is done is another question: see {@link quarantined}. */
  get finished(): boolean {
    return this.#open === 0
  }

  get counts(): Readonly<Record<StepState, number>> {
    const counts = { waiting: 0, ready: 0, begun: 0, done: 0, quarantined: 0, stuck: 0 }
    for (const state of this.#states) counts[state]++
    return counts
  }

  /** What failed for good, with the last failure of each. */
  get quarantined(): readonly Attempted[] {
    return this.#in('quarantined')
  }

  /** What could not start because of it. */
  get stuck(): readonly Attempted[] {
    return this.#in('stuck')
  }

  #in(state: StepState): readonly Attempted[] {
    return this.#steps.flatMap((step, position) => {
      if (this.#states[position] !== state) return []
      const { count = 0, code, message = '' } = this.#attempts.get(position) ?? {}
      return [{ step, attempts: count, code, message }]
    })
  }

  #conditions(step: Step, position: number, kindsFirst: Plan['kindsFirst']): number {
    let conditions = 0
    for (const need of new Set(step.after)) conditions += this.#wait(this.#needing, need, position)
    if (!isMaking(step)) return conditions
    if (step.follows !== undefined) conditions += this.#wait(this.#following, step.follows, position)
    for (const kind of kindsFirst[kindOf(step.address)] ?? []) {
      const gate = this.#gates.get(kind)
      if (gate === undefined || gate.open === 0) continue
      gate.waiting.push(position)
      conditions++
    }
    return conditions
  }

  #wait(list: Map<number, number[]>, need: Address, position: number): number {
    const before = this.#positions.get(need)
    if (before === undefined || before === position) return 0
    const waiting = list.get(before)
    if (waiting === undefined) list.set(before, [position])
    else waiting.push(position)
    return 1
  }

  #begin(position: number): void {
    const before = this.#attempts.get(position)
    this.#attempts.set(position, {
      count: (before?.count ?? 0) + 1,
      code: before?.code,
      message: before?.message ?? '',
    })
    this.#ready.delete(position)
    this.#states[position] = 'begun'
  }

  #fail(position: number, body: JsonObject): void {
    const code = body['code'] as FaultCode
    const count = this.#attempts.get(position)?.count ?? 0
    this.#attempts.set(position, { count, code, message: String(body['message'] ?? '') })
    if (FAULTS[code]?.retry === 'later' && count < this.#limit) this.#makeReady(position)
    else this.#settle(position, 'quarantined')
  }

  /** Ends a step, and with a bad end all that needs it, and lets go of what waited only for the end. */
  #settle(first: number, end: 'done' | 'quarantined'): void {
    const open: [position: number, state: StepState][] = [[first, end]]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [position, state] = next
      if (this.#isOver(position)) continue
      this.#states[position] = state
      this.#ready.delete(position)
      this.#open--
      for (const later of this.#needing.get(position) ?? []) {
        if (state === 'done') this.#release(later)
        else open.push([later, 'stuck'])
      }
      for (const later of this.#following.get(position) ?? []) this.#release(later)
      const step = this.#at(position)
      if (isMaking(step)) this.#count(kindOf(step.address), -1)
    }
  }

  #count(kind: Kind, by: 1 | -1): void {
    const gate = this.#gates.get(kind)
    if (gate === undefined) return
    gate.open += by
    if (by === -1 && gate.open === 0) for (const position of gate.waiting) this.#release(position)
  }

  #release(position: number): void {
    const left = (this.#pending[position] ?? 0) - 1
    this.#pending[position] = left
    if (left === 0 && this.#states[position] === 'waiting') this.#makeReady(position)
  }

  #makeReady(position: number): void {
    this.#states[position] = 'ready'
    this.#ready.add(position)
  }

  #isOver(position: number): boolean {
    const state = this.#states[position]
    return state === 'done' || state === 'quarantined' || state === 'stuck'
  }

  #at(position: number): Step {
    return this.#steps[position] as Step
  }
}

function isMaking(step: Step): step is Extract<Step, { do: 'create' | 'update' }> {
  return step.do === 'create' || step.do === 'update'
}
