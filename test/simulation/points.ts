import type { Sightings } from '../../src/controller/vantage-points.ts'
import type { Probe } from '../../src/core/health.ts'
import type { Side } from '../../src/core/model.ts'
import { SimulatedProcess } from './process.ts'
import { PLANES, type PointFault, REGIONAL, SECOND } from './scenario.ts'
import type { World } from './world.ts'

const EVERY = 10 * SECOND
const TIMEOUT = 3 * SECOND
const SIDES: readonly Side[] = ['primary', 'secondary']

type Finding = Omit<Probe, 'point'>

/** A vantage point: rounds of probes on its own clock, at least ten seconds apart. */
export class SimulatedPoint {
  readonly name: string
  readonly #world: World
  readonly #index: number
  readonly #process: SimulatedProcess
  #latest: readonly Finding[] = []

  constructor(world: World, index: number) {
    const { schedule, random } = world
    this.name = `v${index}`
    this.#world = world
    this.#index = index
    this.#process = new SimulatedProcess({ name: this.name, schedule, random, rate: random.between(0.995, 1.005) })
    schedule.at(random.between(0, EVERY), () => this.#round(), this.#process)
  }

  /** What it tells when it is asked, or `undefined` if it does not answer. */
  findings(askedAt: number): readonly Probe[] | undefined {
    if (this.#fault('stopped') !== undefined) return undefined
    const now = this.#clock()
    return this.#latest.map((one) => ({
      point: this.name,
      ...one,
      startedAt: askedAt - Math.max(0, now - one.startedAt),
    }))
  }

  /** Its own idea of monotonic time, which a broken machine may let jump. */
  #clock(): number {
    return this.#process.clock() + (this.#fault('jump')?.by ?? 0)
  }

  #fault(is: PointFault['is']): PointFault | undefined {
    const { now, scenario } = this.#world
    return scenario.points.find((one) => one.point === this.#index && one.is === is && one.from <= now && now < one.to)
  }

  #round(): void {
    const { schedule, random } = this.#world
    const blind = this.#fault('blind')
    const cut = blind ?? this.#fault('partial')
    const startedAt = this.#clock()
    const findings = SIDES.flatMap((side) =>
      PLANES.map((plane): Finding => {
        const failed = this.#world.fails(side, plane) || cut?.sides.includes(side) === true
        const answered = REGIONAL.includes(plane) && !failed
        return {
          side,
          plane,
          result: failed ? 'failed' : 'ok',
          startedAt,
          duration: failed ? TIMEOUT : random.between(20, 400),
          selfCheck: blind === undefined,
          ...(answered ? { sourceTime: this.#world.sourceTime(side) } : {}),
        }
      }),
    )
    const took = Math.max(...findings.map(({ duration }) => duration))
    const { now } = schedule
    const hung = this.#fault('hung') !== undefined
    if (!hung) schedule.at(now + took, () => this.#publish(findings), this.#process)
    schedule.at(now + Math.max(EVERY, took), () => this.#round(), this.#process)
  }

  #publish(findings: readonly Finding[]): void {
    this.#latest = findings
  }
}

/** Asks every point, as `askPoints` does, for one controller. */
export async function looked(
  world: World,
  points: readonly SimulatedPoint[],
  { process, signal }: { readonly process: SimulatedProcess; readonly signal: AbortSignal },
): Promise<Sightings> {
  const asked = process.clock()
  await process.wait(process.cut ? 2 * SECOND : world.random.between(5, 60), signal)
  const silent: Record<string, string> = {}
  const probes = points.flatMap((point) => {
    const told = process.cut ? undefined : point.findings(asked)
    if (told === undefined) silent[point.name] = 'it does not answer'
    return told ?? []
  })
  return { probes, silent }
}
