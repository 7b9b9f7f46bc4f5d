import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { openWorld, type Pair, type World } from '../../../test/support/world.ts'
import type { Item, JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { openPlace } from '../place.ts'
import { computes } from './index.ts'
import { parkedBody } from './schema.ts'

const signal = AbortSignal.timeout(120_000)
const FAMILY = 'standardDSv2Family'

let world: World
let pair: Pair
beforeAll(async () => {
  world = await openWorld()
  pair = await world.pair()
}, 60_000)
afterEach(() => world.emulator.faults([]))
afterAll(() => world.close())

function cluster(name: string, nodes: number, also: JsonObject = {}): Item {
  const scaleSettings = { minNodeCount: 1, maxNodeCount: nodes, nodeIdleTimeBeforeScaleDown: 'PT120S' }
  const inner = { vmSize: 'STANDARD_DS3_V2', vmPriority: 'Dedicated', scaleSettings, ...also }
  return item(`compute/${name}`, {
    location: '<<hf:location>>',
    properties: { computeType: 'AmlCompute', properties: inner },
  })
}

function instance(state: string): Item {
  return item('compute/laptop', {
    location: '<<hf:location>>',
    properties: { computeType: 'ComputeInstance', properties: { vmSize: 'STANDARD_DS3_V2', state } },
  })
}

async function lacking(acting: readonly Item[], place = pair.target): Promise<readonly string[]> {
  return (await computes(world.arm).lacking?.(place, acting, { signal })) ?? ['it is not asked']
}

async function stand(one: Item, place = pair.target): Promise<void> {
  await computes(world.arm).converge(place, one, { source: pair.source, signal })
}

it('is none while the quota carries all that may grow, and is told with its number where it does not', async () => {
  expect(await lacking([cluster('gpu', 75)])).toEqual([])
  expect(await lacking([cluster('gpu', 76)])).toEqual([
    `compute/gpu may take 304 cores of ${FAMILY} in centralus, where the quota is 300 and 300 are free`,
  ])
  // Each alone would fit.
  expect(await lacking([cluster('gpu', 40), cluster('cpu', 40)])).toEqual([
    expect.stringContaining('compute/gpu, compute/cpu may take 320 cores'),
  ])
})

it('is everything where the quota is gone', async () => {
  await world.emulator.faults([{ is: 'quota', at: 'centralus', family: FAMILY }])
  expect(await lacking([cluster('gpu', 1)])).toEqual([expect.stringContaining('the quota is 0 and 0 are free')])
  expect(await lacking([cluster('gpu', 1)], pair.source)).toEqual([])
  expect(await lacking([instance('Running')])).toHaveLength(1)
  expect(await lacking([instance('Stopped')])).toEqual([])
})

it('leaves out what stands by there already, and counts what others take', async () => {
  const place = await openPlace(world.arm, pair.target.workspace, {
    mappings: { compute: { gpu: 'gpu-cus' } },
    signal,
  })
  if (place === undefined) throw new Error('the workspace is not there')
  const wanted = cluster('gpu', 40)
  await stand(item(wanted.address, parkedBody(wanted.body, 'hot/warm')), place)
  expect(await lacking([wanted], place)).toEqual([])
  const { target: other } = await world.pair()
  await stand(cluster('theirs', 30), other)
  expect(await lacking([wanted], place)).toEqual([])
  expect(await lacking([cluster('gpu', 46)], place)).toEqual([expect.stringContaining('and 180 are free')])
})

it('counts machines that may be taken away apart, and by family not at all', async () => {
  const spot = { vmPriority: 'LowPriority' }
  expect(await lacking([cluster('spot', 400, spot)])).toEqual([])
  expect(await lacking([cluster('spot', 800, spot)])).toEqual([
    'compute/spot may take 3200 cores of all families together in centralus, where the quota is 3000 and 3000 are free',
  ])
})

it('names a size that the region does not offer', async () => {
  expect(await lacking([cluster('odd', 1, { vmSize: 'STANDARD_NONE' })])).toEqual([
    'centralus offers no STANDARD_NONE, which compute/odd is made of',
  ])
})

it('cannot be told by a region that does not answer', async () => {
  await world.emulator.faults([{ is: 'down', at: 'centralus', plane: 'arm' }])
  await expect(lacking([cluster('gpu', 1)])).rejects.toMatchObject({ code: 'observe/incomplete' })
})
