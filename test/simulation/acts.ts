import type { Acts } from '../../src/controller/controller.ts'
import { Fault } from '../../src/core/errors.ts'
import { type JsonObject, otherSide, type Side } from '../../src/core/model.ts'
import type { Phase } from '../../src/core/phases.ts'
import { emptySnapshot } from '../../src/core/snapshot.ts'
import type { Failing, PHASE_ACTS } from '../../src/engine/phase-acts.ts'
import type { Pass } from '../../src/engine/sync.ts'
import { looked, type SimulatedPoint } from './points.ts'
import type { SimulatedProcess } from './process.ts'
import { REGIONAL, SECOND } from './scenario.ts'
import type { World } from './world.ts'

export const CALL = 3 * SECOND

interface Acting {
  readonly world: World
  readonly points: readonly SimulatedPoint[]
  readonly process: SimulatedProcess
}

/** What the engine would do to the world, in virtual time: each act takes a while, may fail, and is seen by the world. */
export function actsOf(acting: Acting): Acts {
  const { world, points, process } = acting
  return {
    askPoints: (_, signal) => looked(world, points, { process, signal }),
    pass: (options) => pass(acting, options),
    phases: phasesOf(acting),
    comeback: (options) => comeback(acting, options),
    takeoverPlan: () => Promise.reject(new Error('an approval was asked for')),
    checkSwitchover: () => Promise.reject(new Error('a switchover was wanted')),
  }
}

function unreachable(side: Side): Fault {
  return new Fault('azure/unreachable', `The ${side} does not answer`)
}

function demandUp({ world, process }: Acting, side: Side): void {
  if (process.cut || REGIONAL.some((plane) => world.fails(side, plane))) throw unreachable(side)
}

/** Reads the active side and then writes to the other, as a pass does. */
async function pass(acting: Acting, { active, tenure, signal }: Parameters<Acts['pass']>[0]): Promise<Pass> {
  const { world } = acting
  demandUp(acting, active)
  const [startedAt, source] = [world.now, world.sourceTime(active)]
  await worked(acting, world.random.between(0.5, 15) * SECOND, signal)
  demandUp(acting, active)
  demandUp(acting, otherSide(active))
  if (world.scenario.unsynced.some(({ from, to }) => from <= world.now && world.now < to))
    throw new Fault('azure/throttled', 'The standby is throttled')
  tenure.demand(CALL)
  // What it had carried stands, whether or not this process lives to say so.
  const upTo = { of: active, upTo: startedAt }
  await worked(acting, world.random.between(0.1, 2) * SECOND, signal)
  demandUp(acting, otherSide(active))
  await tenure.setFact('synced', { active, recoveryPoint: source, startedAt: source })
  if (world.active === active && (world.inStep?.upTo ?? 0) < startedAt) world.inStep = upTo
  const seen = { snapshot: emptySnapshot(), startedAt: source }
  return { source: seen, target: seen, reckoned: { recoveryPoint: source, behind: [] } } as unknown as Pass
}

/** Works for a while. What is told to stop may still wait for a call that is under way. */
async function worked({ world, process }: Acting, milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await process.wait(milliseconds, signal)
  } catch (thrown) {
    if (world.random.chance(0.7)) await process.wait(world.random.between(0, CALL), new AbortController().signal)
    throw thrown
  }
}

type Did = (failing: Failing) => Promise<JsonObject>

/** Phases after which the world is another. */
const EFFECTS: readonly Phase[] = ['promote', 'resubmit', 'pointer']

/** Nobody switches over in a simulated world. */
const unplanned: Did = () => Promise.reject(new Error('a switchover was begun'))

function phasesOf(acting: Acting): typeof PHASE_ACTS {
  const { world, process } = acting
  const nothing: Did = async () => ({})
  const act =
    (phase: Phase): Did =>
    async (failing) => {
      const { tenure, signal, from, to, id } = failing
      await process.wait(world.random.between(0.1, 4) * SECOND, signal)
      demandUp(acting, phase === 'fence' || phase === 'drain' ? from : to)
      if (world.random.chance(0.05)) throw unreachable(to)
      if (EFFECTS.includes(phase)) {
        tenure.demand(CALL)
        world.effect(process.name, tenure.lease.epoch, `${phase} ${to}`)
      }
      if (phase === 'pointer') world.pointer = to
      if (phase === 'promote') await tenure.setFact('roles', { active: to, epoch: tenure.lease.epoch, failover: id })
      return {}
    }
  return {
    detect: nothing,
    decide: nothing,
    lease: nothing,
    fence: act('fence'),
    drain: act('drain'),
    promote: act('promote'),
    resubmit: act('resubmit'),
    pointer: act('pointer'),
    verify: act('verify'),
    report: nothing,
    quiesce: unplanned,
    settle: unplanned,
    stop: unplanned,
    carry: unplanned,
    return: unplanned,
    reopen: unplanned,
  }
}

async function comeback(acting: Acting, { active, tenure, signal }: Parameters<Acts['comeback']>[0]) {
  const { world, process } = acting
  await process.wait(world.random.between(1, 10) * SECOND, signal)
  demandUp(acting, otherSide(active))
  demandUp(acting, active)
  tenure.demand(CALL)
  world.effect(process.name, tenure.lease.epoch, `take back the ${otherSide(active)}`)
  return { fenced: { complete: true, stopped: [], unreached: {} }, findings: [] }
}
