import { expect, it } from 'vitest'
import { fuse } from '../../test/support/fuse.ts'
import { worldOfTest } from '../../test/support/made-up-world.ts'
import { settleConflicts, settledIn, standbyOf } from './roles.ts'

it('is in step by a pass of this direction, and not by one of an earlier', async () => {
  const world = worldOfTest('memory')
  await world.run('a', ({ tenure }) => tenure.setFact('synced', { active: 'primary', recoveryPoint: 5 }))
  const { parts } = world.joined('asks', fuse())
  const away = { side: 'secondary', failover: 'f1' } as const
  expect(await standbyOf(parts, { active: 'primary', epoch: 1 }, undefined)).toEqual({ synced: true, recoveryPoint: 5 })
  expect(await standbyOf(parts, { active: 'secondary', epoch: 2 }, undefined)).toEqual({ synced: false })
  expect(await standbyOf(parts, { active: 'primary', epoch: 1 }, away)).toEqual({ synced: false })
})

it('is told with the number of things that could never be carried', async () => {
  const world = worldOfTest('memory')
  await world.run('a', ({ tenure }) => tenure.setFact('synced', { active: 'primary', recoveryPoint: 5, refused: 2 }))
  const { parts } = world.joined('asks', fuse())
  expect(await standbyOf(parts, { active: 'primary', epoch: 1 }, undefined)).toMatchObject({ synced: true, refused: 2 })
})

it('keeps what a person had settled before, when more is settled', async () => {
  const world = worldOfTest('memory')
  await world.run('a', async ({ parts, tenure }) => {
    await tenure.setFact('conflicts', { 'datum/a': 'both', 'datum/b': 'both', 'datum/c': 'both' })
    await settleConflicts(parts, tenure, (of) => of === 'datum/a')
    const { left } = await settleConflicts(parts, tenure, (of) => of === 'datum/b')
    expect(left).toEqual({ 'datum/c': 'both' })
    expect(await settledIn(parts)).toEqual({ 'datum/a': true, 'datum/b': true })
  })
})
