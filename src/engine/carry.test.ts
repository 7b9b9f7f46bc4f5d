import { beforeEach, expect, it } from 'vitest'
import { beginning, carrying, FAILOVER } from '../../test/support/made-up-failover.ts'
import { body, leading } from '../../test/support/made-up-kinds.ts'
import { type Process, passing, type World, worldOfTest } from '../../test/support/made-up-world.ts'
import type { Address } from '../core/model.ts'
import { reportOf } from './report.ts'
import type { Pass } from './sync.ts'

let world: World
let to: Address

/** A standby in which another thing has the name of what a schedule and a job need. */
beforeEach(async () => {
  world = worldOfTest()
  const { primary, secondary } = world.sides
  primary.put('asset/churn/1', body.asset(1))
  primary.put('schedule/nightly', body.schedule(1, 'asset/churn/1'))
  primary.put('job/train', body.job('Running', {}, 'asset/churn/1'))
  secondary.put('asset/churn/1', body.asset(99))
  const { plan } = await passed()
  to = plan.notes.flatMap((note) => (note.is === 'mapped' ? [note.to] : []))[0] ?? 'asset/none'
})

const led = ({ parts, ...process }: Process): Process => {
  return { ...process, parts: { ...parts, services: leading(parts.services) } }
}

async function passed(): Promise<Pass> {
  const done = await world.run('a', (process) => passing()(led(process)))
  if (done === undefined) throw new Error('it was cut off')
  return done
}

it('leads what points to something that was mapped there, and counts it as carried in every later pass', async () => {
  expect(world.sides.secondary.get('schedule/nightly')).toEqual({ ...body.schedule(1, to), live: false })
  const second = await passed()
  expect(second.plan.steps).toEqual([])
  expect(second.reckoned).toMatchObject({ behind: [], recoveryPoint: second.source.startedAt })
})

it('does so too while the list of what was mapped breaks off', async () => {
  for (const side of ['primary', 'secondary'] as const) {
    world.sides[side].broken.add('asset')
    const { plan } = await passed()
    expect(plan.steps.filter(({ address }) => address.startsWith('schedule/'))).toEqual([])
    world.sides[side].broken.clear()
  }
})

it.each(['answers', 'is gone'])(
  'raises and submits at a failover what goes by the source’s own, where the lost side %s',
  async (is) => {
    const { primary, secondary } = world.sides
    primary.down = is === 'is gone'
    await world.run('b', async (process) => {
      await beginning(process)
      await carrying(world)(led(process))
    })
    expect(secondary.get('schedule/nightly')).toEqual(body.schedule(1, to))
    expect(secondary.get(`job/train-${FAILOVER}`)).toMatchObject({ needs: [to] })
    const report = reportOf(await world.journal(FAILOVER))
    expect(report?.verified).toMatchObject({ missing: [], different: [] })
  },
)
