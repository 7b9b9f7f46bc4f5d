import { type Acts, type Event, runController } from '../../src/controller/controller.ts'
import type { FailoverPolicy, Policy } from '../../src/core/policy.ts'
import { type Parts, silent } from '../../src/engine/parts.ts'
import type { Failing } from '../../src/engine/phase-acts.ts'
import type { Ledger } from '../../src/store/ledger.ts'
import { actsOf, CALL } from './acts.ts'
import { SimulatedPoint } from './points.ts'
import { SimulatedProcess } from './process.ts'
import { DURATION, MINUTE, PLANES, type Scenario, SECOND, scenarioOf } from './scenario.ts'
import { EPOCH } from './shared-store.ts'
import { World } from './world.ts'

/** What a seed came to. */
export interface Outcome {
  readonly seed: number
  readonly kind: Scenario['kind']
  readonly violations: readonly string[]
  readonly failovers: number
  /** From the loss of the region to the decision, where it was lost and answered. */
  readonly answeredAfter: number | undefined
  /** Of everything that happened. */
  readonly digest: string
  readonly trace: readonly string[]
}

/** A product with one rule switched off, to see that its absence is found. */
export interface Mutation {
  readonly failover?: Partial<FailoverPolicy>
  acts?(acts: Acts): Acts
}

const LEASE = 8 * SECOND
const TICK = 4 * SECOND

/** Plays the two hours of a seed: real controllers, judging and deciding, in a world that is made up. */
export async function simulate(seed: number, mutation: Mutation = {}): Promise<Outcome> {
  const scenario = scenarioOf(seed)
  const world = new World(scenario)
  world.say('--', `seed ${seed}: ${scenario.kind}, after ${scenario.failover.after / 1000} s`)
  const points = scenario.failover.vantagePoints.map((_, index) => new SimulatedPoint(world, index))
  const controllers = [0, 1].map((index) => new Controller({ world, points, index, mutation }))
  befall(world, controllers)
  let checked = 0
  await world.schedule.runUntil(DURATION, () => {
    checked++
  })
  world.finish()
  for (const one of controllers) one.end()
  world.say('--', `${checked} moments`)
  const { lostAt } = scenario
  const [first] = world.begun
  return {
    seed,
    kind: scenario.kind,
    violations: world.violations,
    failovers: world.outcomes.filter((one) => one === 'done').length,
    answeredAfter: lostAt === undefined || first === undefined ? undefined : first - lostAt,
    digest: world.digest(),
    trace: world.trace,
  }
}

interface Of {
  readonly world: World
  readonly points: readonly SimulatedPoint[]
  readonly index: number
  readonly mutation: Mutation
}

/** A controller that can be killed, and started again as another process. */
class Controller {
  readonly #of: Of
  #lives = 0
  process: SimulatedProcess

  constructor(of: Of) {
    this.#of = of
    this.process = this.#start()
  }

  get name(): string {
    return this.process.name
  }

  crash(back: number): void {
    const { world } = this.#of
    if (this.process.dead) return
    world.say(this.name, 'is killed')
    this.process.kill()
    world.schedule.at(back, () => {
      this.process = this.#start()
    })
  }

  end(): void {
    this.process.kill()
  }

  #start(): SimulatedProcess {
    const { world, index } = this.#of
    const { schedule, random } = world
    const name = `${'ab'[index]}${this.#lives++}`
    const process = new SimulatedProcess({ name, schedule, random, rate: random.between(0.999, 1.001) })
    schedule.at(world.now + random.between(0, TICK), () => void this.#run(process), process)
    return process
  }

  async #run(process: SimulatedProcess): Promise<void> {
    const { world, points, mutation } = this.#of
    const acts = actsOf({ world, points, process })
    const parts = partsOf(world, process)
    let failovers = 0
    await runController(
      {
        parts,
        policy: policyOf(world.scenario, mutation),
        carrying: { mode: () => 'hot/warm', conflict: 'map' },
        holder: process.name,
        planes: PLANES,
        points: { protection: 'churn', points: [], verify: () => true, timeoutMilliseconds: 2000 },
        lookHere: async () => [],
        leaseMilliseconds: LEASE,
        callMilliseconds: CALL,
        tickMilliseconds: TICK,
        failing: (of) => ({ ...of, parts }) as unknown as Failing,
        freshId: () => `f${process.name}${failovers++}`,
        inside: () => false,
        notices: [],
        placeOf: () => ({ name: '', location: '' }),
        told: (event) => tell(world, process.name, event),
        time: process.time,
        acts: mutation.acts?.(acts) ?? acts,
      },
      new AbortController().signal,
    )
  }
}

function partsOf(world: World, process: SimulatedProcess): Parts {
  const parts: Partial<Parts> = {
    protection: 'churn',
    services: [],
    store: world.store.from(process),
    ledger: { begin: async () => true } as Partial<Ledger> as Ledger,
    now: () => Math.round(EPOCH + world.now + process.wallOff),
    progress: silent,
  }
  // What is in the ledger, and places, belong to the acts of the engine, which the simulation replaces.
  return new Proxy(parts, {
    get: (target, name) => {
      if (name in target) return target[name as keyof Parts]
      throw new Error(`the controller itself has no business with ${String(name)}`)
    },
  }) as Parts
}

function policyOf({ failover, maintenance }: Scenario, mutation: Mutation): Policy {
  const policy: Partial<Policy> = {
    failover: { ...failover, ...mutation.failover },
    maintenance,
    pointer: [],
    sync: { every: MINUTE, history: 'all', exclude: [], conflict: 'map', removes: [] },
  }
  return policy as Policy
}

function tell(world: World, who: string, event: Event): void {
  switch (event.is) {
    case 'decision':
      world.demand(event.decision.reason.length > 20, 'a decision has no reason')
      world.say(who, `${event.decision.do}: ${event.decision.reason}`)
      if (event.decision.do === 'fail-over') world.decided(who)
      return
    case 'lease':
      world.say(who, `holds epoch ${event.epoch}`)
      return
    case 'trouble':
      world.say(who, `${event.what}: ${event.why}`)
      return
    case 'return':
      world.say(who, 'took the other side back')
      return
    default:
      return
  }
}

/** Lets everything befall the controllers that the scenario says. */
function befall(world: World, controllers: readonly Controller[]): void {
  const { schedule, scenario } = world
  for (const { controller, is, from, to } of scenario.controllers) {
    const one = controllers[controller]
    if (one === undefined) continue
    schedule.at(from, () => {
      world.say(one.name, `${is} until ${(to / 1000).toFixed(0)} s`)
      const { process } = one
      if (is === 'crash') one.crash(to)
      if (is === 'stop' || is === 'suspend') process.stop(is === 'suspend')
      if (is === 'cut') process.cut = true
      if (is === 'wall') process.wallOff = world.random.between(-60, 60) * MINUTE
      schedule.at(to, () => {
        if (!process.dead) world.say(process.name, `${is} is over`)
        process.resume()
        process.cut = false
        process.wallOff = 0
      })
    })
  }
  world.decided = (by) => halted(world, controllers, by)
  let records = 0
  world.wroteFailover = (by) => {
    const writer = controllers.find(({ name }) => name === by)
    if (records++ === scenario.killAtRecord) writer?.crash(world.now + world.random.between(5, 60) * SECOND)
    if (records !== 1 || scenario.haltAtBegin === undefined) return
    for (const { process } of controllers) {
      process.stop(false)
      schedule.at(world.now + scenario.haltAtBegin, () => process.resume())
    }
  }
}

/** Stops who has just decided, until the other one has surely done it; and then stops the other one. */
function halted(world: World, controllers: readonly Controller[], by: string): void {
  const { schedule, scenario } = world
  const { haltAtDecision } = scenario
  world.decided = () => undefined
  if (haltAtDecision === undefined) return
  for (const { name, process } of controllers) {
    const decider = name === by
    const from = world.now + (decider ? 0 : haltAtDecision - 20 * SECOND)
    const to = decider ? world.now + haltAtDecision : from + 2 * MINUTE
    const stop = () => {
      world.say(name, `stop until ${(to / 1000).toFixed(0)} s`)
      process.stop(false)
    }
    if (decider) stop()
    else schedule.at(from, stop)
    schedule.at(to, () => process.resume())
  }
}
