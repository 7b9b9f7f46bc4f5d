import { createHash } from 'node:crypto'
import type { Plane } from '../../src/core/health.ts'
import { type Instant, type JsonObject, otherSide, type Side } from '../../src/core/model.ts'
import type { JournalRecord } from '../../src/store/store.ts'
import { type Random, randomOf } from './random.ts'
import { MINUTE, REGIONAL, type Scenario, SECOND } from './scenario.ts'
import { Schedule } from './schedule.ts'
import { EPOCH, SharedStore } from './shared-store.ts'

/** How far what the product sees may trail what is: a round of probes, one that hangs, a look, and drifting clocks. */
const SEEING = 25 * SECOND
const DRIFT = 30 * SECOND

type Written = JournalRecord | { readonly fact: string; readonly value: JsonObject; readonly epoch: number }

/**
 * What really is, as opposed to what anybody sees of it, and what must never be, checked at each write and effect.
 */
export class World {
  readonly schedule = new Schedule()
  readonly random: Random
  readonly scenario: Scenario
  readonly store: SharedStore
  readonly violations: string[] = []
  readonly trace: string[] = []
  readonly begun: number[] = []
  readonly outcomes: string[] = []
  /** Up to when the standby has the work of the active side, and whose work that is. */
  inStep: { readonly of: Side; readonly upTo: number } | undefined
  pointer: Side = 'primary'
  active: Side = 'primary'
  /** Called with each record of a failover and who wrote it. */
  wroteFailover: (by: string) => void = () => undefined
  /** Called with who decided to fail over. */
  decided: (by: string) => void = () => undefined
  readonly #hash = createHash('sha256')
  #rolesEpoch = 0
  #running: string | undefined
  #lastEnded = Number.NEGATIVE_INFINITY

  constructor(scenario: Scenario) {
    this.scenario = scenario
    this.random = randomOf(scenario.seed + 0x5eed)
    this.store = new SharedStore(this.schedule, (by, what) => this.#wrote(by, what))
  }

  get now(): number {
    return this.schedule.now
  }

  get running(): string | undefined {
    return this.#running
  }

  isDown(side: Side, plane: Plane, at = this.now): boolean {
    return this.scenario.outages.some(({ side: of, planes, from, to, period }) => {
      if (of !== side || at < from || at >= to || !planes.includes(plane)) return false
      return period === undefined || (at - from) % period.lasts < period.down
    })
  }

  /** Whether this one request fails, because all of a plane is down or it was for a zone that is. */
  fails(side: Side, plane: Plane): boolean {
    const { now, random } = this
    const lost = this.scenario.zones.find((zone) => zone.side === side && zone.from <= now && now < zone.to)
    return this.isDown(side, plane) || (lost !== undefined && random.chance(lost.share))
  }

  /** Whether nothing of a side answered at any time of a span. */
  wasAllDown(side: Side, from: number, to: number): boolean {
    for (let at = from; at <= to; at += SECOND)
      if (REGIONAL.some((plane) => !this.isDown(side, plane, at))) return false
    return true
  }

  /** What a side's own clock says. */
  sourceTime(side: Side, at = this.now): Instant {
    return Math.round(EPOCH + at + (side === 'primary' ? this.scenario.sourceClockOff : 0))
  }

  say(who: string, what: string): void {
    const line = `${(this.now / 1000).toFixed(3).padStart(9)} ${who.padEnd(3)} ${what}`
    this.#hash.update(line)
    this.trace.push(line)
  }

  digest(): string {
    return this.#hash.copy().digest('hex')
  }

  demand(holds: boolean, sentence: string): void {
    if (holds) return
    this.violations.push(`at ${(this.now / 1000).toFixed(1)} s: ${sentence}`)
    this.say('!!', sentence)
  }

  /** An effect on the world outside store and journal, by a controller that believes to hold an epoch. */
  effect(by: string, epoch: number, what: string): void {
    this.say(by, `effect in epoch ${epoch}: ${what}`)
    // A suspended machine cannot know that its lease is over; the store's condition alone protects from it.
    if (this.scenario.controllers.some(({ is }) => is === 'suspend')) return
    this.demand(this.store.epoch === epoch, `${what} in epoch ${epoch}, while ${this.store.epoch} is the lease's`)
  }

  /** What must be true when everything is over. */
  finish(): void {
    const { owed, lostAt } = this.scenario
    const done = this.outcomes.filter((one) => one === 'done').length
    this.demand(done === owed, `${done} failovers are done, and ${owed} must be`)
    this.demand(this.#running === undefined, `failover ${this.#running} has begun and never ended`)
    this.demand(
      this.pointer === this.active,
      `the pointer shows to the ${this.pointer}, and the ${this.active} is active`,
    )
    if (lostAt !== undefined) this.#inTime(lostAt)
  }

  #inTime(lostAt: number): void {
    const [first] = this.begun
    const { controllers, killAtRecord, haltAtDecision, failover } = this.scenario
    const usual = lostAt + failover.after + 30 * SECOND
    // A controller that failed meanwhile costs the time in which it did, and the lease.
    const troubled = controllers.filter(({ from, to }) => from < usual && to > lostAt - MINUTE)
    const more = troubled.reduce((sum, { from, to }) => sum + Math.min(to, usual) - Math.max(from, lostAt - MINUTE), 0)
    const failed = troubled.length + (killAtRecord === undefined && haltAtDecision === undefined ? 0 : 1)
    const limit = usual + more + failed * 30 * SECOND
    if (first === undefined) return
    this.demand(first <= limit, `the loss at ${lostAt / 1000} s was answered ${(first - lostAt) / 1000} s after it`)
  }

  #wrote(by: string, what: Written): void {
    if ('fact' in what) {
      if (what.fact !== 'roles') return
      this.say(by, `roles ${JSON.stringify(what.value)}`)
      const epoch = Number(what.value['epoch'])
      const same = this.#rolesEpoch > 0 && what.value['active'] === this.active
      this.demand(epoch > this.#rolesEpoch || same, `roles of epoch ${epoch} after those of ${this.#rolesEpoch}`)
      this.#rolesEpoch = epoch
      this.active = what.value['active'] as Side
      return
    }
    const { type, body, epoch } = what
    if (!type.startsWith('failover/')) return
    this.say(by, `${type} ${String(body['phase'] ?? body['outcome'] ?? body['reason'] ?? '')} in epoch ${epoch}`)
    if (type === 'failover/begun') this.#begins(body)
    if (type === 'failover/phase-begun' && body['phase'] === 'lease') this.#commits()
    if (type === 'failover/ended') this.#ends(body)
    this.wroteFailover(by)
  }

  #begins(body: JsonObject): void {
    const { failover, maintenance } = this.scenario
    const from = body['from'] as Side
    this.demand(this.#running === undefined, `a failover begins while ${this.#running} is under way`)
    this.demand(from === this.active, `a failover leaves the ${from}, which is not active`)
    this.demand(failover.mode === 'automatic' && maintenance.length === 0, 'a failover begins that must ask')
    this.demand(String(body['reason']).length > 20, 'a failover begins without a reason')
    const since = this.now - failover.after + SEEING
    this.demand(
      this.wasAllDown(from, Math.min(since, this.now - SECOND), this.now - SEEING),
      `a failover leaves the ${from}, which was not down for as long as it takes`,
    )
    const everywhere = this.isDown('primary', 'signin') && this.isDown('secondary', 'signin')
    this.demand(!everywhere, 'a failover begins while signing in is down on both sides')
    const cool = this.now - this.#lastEnded
    this.demand(cool >= failover.coolDown - DRIFT, `a failover begins ${(cool / 1000).toFixed(0)} s after the last one`)
    this.#loses(from)
    this.#running = String(body['id'])
    this.begun.push(this.now)
  }

  /** The standby must have been in step with this side, and recently enough. */
  #loses(from: Side): void {
    this.demand(this.inStep?.of === from, `a failover goes to the ${otherSide(from)}, which was never in step`)
    if (this.inStep === undefined) return
    const lastUp = this.scenario.outages.filter(({ side, from: at }) => side === from && at <= this.now).at(-1)
    const loss = (lastUp?.from ?? this.now) - this.inStep.upTo
    const { maxLoss } = this.scenario.failover
    this.demand(
      loss <= maxLoss + SEEING,
      `a failover loses ${(loss / 1000).toFixed(0)} s, and ${maxLoss / 1000} s may be lost`,
    )
  }

  #commits(): void {
    const { active, now } = this
    this.demand(
      this.wasAllDown(active, now - SEEING, now - SEEING),
      `a failover is committed although the ${active} answers`,
    )
  }

  #ends(body: JsonObject): void {
    this.#running = undefined
    this.#lastEnded = this.now
    this.outcomes.push(String(body['outcome']))
    // Now the other side is the standby, and has nothing of what is to come.
    if (body['outcome'] === 'done') this.inStep = undefined
  }
}
