import { otherSide, type Side } from '../../src/core/model.ts'
import type { FailoverState, Phase } from '../../src/core/phases.ts'
import { item } from '../../src/core/snapshot.ts'
import { beginFailover } from '../../src/engine/deciding/beginning.ts'
import { carryOut } from '../../src/engine/failover.ts'
import type { Failing } from '../../src/engine/phase-acts.ts'
import { placeConfig } from '../../src/engine/pointer.ts'
import { type Comeback, comeback } from '../../src/engine/return/comeback.ts'
import type { Place } from '../../src/services/service.ts'
import { CALL, CARRYING, type Process, type World } from './made-up-world.ts'
import { needsOf } from './two-sides.ts'

/** A failover in a made-up world, and the return of the side that was lost. */

export const FAILOVER = 'f1'

/** A side as pointers call it. */
export function shownAs({ workspace, location }: Place) {
  return { name: workspace, location }
}

/** Everything that the phases need, with submission by name as a job's own kind does it. */
export function failingOf(
  world: World,
  process: Pick<Process, 'parts' | 'access' | 'tenure'>,
  from: Side = 'primary',
): Failing {
  const { parts, tenure, access } = process
  const to = otherSide(from)
  const { signal } = new AbortController()
  return {
    parts,
    tenure,
    carrying: CARRYING,
    id: FAILOVER,
    from,
    to,
    pointer: [{ file: world.file('config.json') }],
    takesOver: shownAs(world.sides[to].place),
    signal,
    callMilliseconds: CALL,
    lostSideMilliseconds: 5000,
    submit: async (place, name, body) => {
      const there = access.sideOf(place)
      const { properties, ...rest } = body
      const wanted = { ...rest, properties: { ...(properties as object), status: 'Queued' } }
      return access.call({ side: there.side, act: 'submit', of: `job/${name}` }, signal, () => {
        const stands = there.get(`job/${name}`)
        if (stands === undefined) there.put(`job/${name}`, wanted)
        return { value: item(`job/${name}`, stands ?? wanted, needsOf(body)), changed: stands === undefined }
      })
    },
    placeCheckpoint: async () => undefined,
    closeRun: (place, { id, successor }) =>
      access.call({ side: access.sideOf(place).side, act: 'close', of: `${id} as ${successor}` }, signal, () => ({
        value: undefined,
        changed: false,
      })),
    sharedDatastores: async (place) => {
      access.sideOf(place).demandUp()
      return new Set<string>()
    },
    rule: () => undefined,
    otherwise: 'secondary',
  }
}

/** Writes the beginning down, once. */
export function beginning({ tenure }: Process): Promise<void> {
  return beginFailover(tenure, {
    id: FAILOVER,
    from: 'primary',
    to: 'secondary',
    epoch: 0,
    reason: 'nothing of the primary answers',
    recoveryPoint: 1,
    silent: true,
    lastAnswered: 1,
    detectMilliseconds: 10,
    decideMilliseconds: 5,
  })
}

/** Carries the failover on from wherever the journal has it. */
export function carrying(world: World, told: (phase: Phase) => void = () => undefined) {
  return (process: Process): Promise<FailoverState> =>
    carryOut(failingOf(world, process), (phase, result) => (result === undefined ? told(phase) : undefined))
}

/** Takes the primary back. */
export function returning({ parts, tenure }: Process): Promise<Comeback> {
  const { signal } = new AbortController()
  return comeback({
    parts,
    tenure,
    active: 'secondary',
    failover: FAILOVER,
    carrying: CARRYING,
    signal,
    callMilliseconds: CALL,
  })
}

/** What the pointer file shows to, or `undefined` before it was written. */
export function configOf(world: World, side: Side) {
  return placeConfig(world.sides[side].place.workspace)
}
