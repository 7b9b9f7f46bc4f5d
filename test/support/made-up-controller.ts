import { type ControllerOptions, ENGINE, type Event, runController } from '../../src/controller/controller.ts'
import type { Probe } from '../../src/core/health.ts'
import { HERE } from '../../src/engine/deciding/look.ts'
import { type Fuse, fuse } from './fuse.ts'
import { failingOf, shownAs } from './made-up-failover.ts'
import { FOLLOWED } from './made-up-policy.ts'
import { CALL, CARRYING, type World } from './made-up-world.ts'
import type { VirtualTime } from './virtual-time.ts'

export const TICK = 2000
export const MINUTE = 60_000

/** Three points that see both sides as they are. */
export function seenIn(world: World, time: VirtualTime) {
  return async (): Promise<{ probes: readonly Probe[]; silent: Record<string, string> }> => {
    const probes = FOLLOWED.failover.vantagePoints.flatMap(({ name }) => seenBy(name, world, time))
    return { probes, silent: {} }
  }
}

function seenBy(point: string, world: World, time: VirtualTime): readonly Probe[] {
  return (['primary', 'secondary'] as const).flatMap((side) =>
    (['control', 'data'] as const).map((plane) => {
      const result = world.sides[side].down ? ('failed' as const) : ('ok' as const)
      return { point, side, plane, result, startedAt: time.clock(), duration: 0, selfCheck: true }
    }),
  )
}

export interface Running {
  readonly events: readonly Event[]
  readonly cord: Fuse
  of<T extends Event['is']>(is: T): readonly Extract<Event, { readonly is: T }>[]
  end(): Promise<void>
}

/** A controller as a process of its own in a made-up world, in virtual time. */
export function startController(
  { world, time }: { readonly world: World; readonly time: VirtualTime },
  name: string,
  more: Partial<ControllerOptions> = {},
): Running {
  const cord = fuse()
  const joined = world.joined(name, cord)
  const events: Event[] = []
  const stopping = new AbortController()
  let failovers = 0
  const over = runController(
    {
      parts: joined.parts,
      policy: FOLLOWED,
      carrying: CARRYING,
      holder: name,
      planes: ['control', 'data'],
      points: {
        protection: FOLLOWED.name,
        points: FOLLOWED.failover.vantagePoints,
        verify: () => true,
        timeoutMilliseconds: 1,
      },
      lookHere: async () => seenBy(HERE, world, time),
      leaseMilliseconds: 30_000,
      callMilliseconds: CALL,
      tickMilliseconds: TICK,
      failing: ({ tenure, id, from, signal }) => ({
        ...failingOf(world, { ...joined, tenure }, from),
        id,
        signal,
        pointer: [],
      }),
      freshId: () => `${name}${++failovers}`,
      inside: () => false,
      notices: [],
      placeOf: (side) => shownAs(world.sides[side].place),
      told: (event) => events.push(event),
      time,
      acts: { ...ENGINE, askPoints: seenIn(world, time) },
      ...more,
    },
    stopping.signal,
  )
  return {
    events,
    cord,
    of: <T extends Event['is']>(is: T) =>
      events.filter((one): one is Extract<Event, { readonly is: T }> => one.is === is),
    end: async () => {
      stopping.abort()
      if (!cord.dead) await over
    },
  }
}

export function outcomes(...of: readonly Running[]): readonly string[] {
  return of.flatMap((one) => one.of('failover').map(({ id, outcome }) => `${id} ${outcome}`))
}
