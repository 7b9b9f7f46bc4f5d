import { expect, it } from 'vitest'
import { passed, playRounds } from './campaign.ts'
import { commitsOf } from './commits.ts'
import type { Lane } from './stage.ts'

function logOf(...sorts: readonly string[]): string {
  const counts = new Map<string, number>()
  const lines = sorts.map((sort, index) => {
    counts.set(sort, (counts.get(sort) ?? 0) + 1)
    return JSON.stringify({ sort, nth: counts.get(sort), at: 1000 * index })
  })
  return lines.join('\n')
}

const write = (at: number) => ({ method: 'PUT', target: '/', operation: 'put', status: 200, at: new Date(at).toJSON() })

it('takes the first and the last commit of each sort by how many of it there were, and none that the clock decides', () => {
  const plain = ['leases taken', 'step/begun', 'step/begun', 'step/begun', 'leases given back']
  const slow = plain.flatMap((sort) => [sort, 'leases renewed'])
  const points = commitsOf(logOf(...plain), [])
  expect(points.map(({ sort, nth, when }) => `${when} ${nth} ${sort}`)).toEqual([
    'before 1 leases taken',
    'after 1 leases taken',
    'after 1 step/begun',
    'before 3 step/begun',
    'after 3 step/begun',
    'after 1 leases given back',
  ])
  expect(commitsOf(logOf(...slow), [])).toEqual(points)
})

it('takes the moment before a commit too where something was written since the one before it', () => {
  const points = commitsOf(logOf('planned', 'done'), [write(500)])
  expect(points.map(({ sort, when }) => `${when} ${sort}`)).toEqual([
    'before planned',
    'after planned',
    'before done',
    'after done',
  ])
})

const lane: Lane = {
  get emulator(): never {
    throw new Error('none of these rounds has a stage')
  },
  environment: () => ({}),
  end: async () => undefined,
}

it('takes a crash that did not take place, and a stage that broke, for no pass', async () => {
  const rounds = [
    { name: 'same end', play: async () => ({ reached: true, trouble: [] }) },
    { name: 'other end', play: async () => ({ reached: true, trouble: ['one is missing'] }) },
    { name: 'over before', play: async () => ({ reached: false, trouble: [] }) },
    { name: 'broke', play: () => Promise.reject(new Error('no port')) },
  ]
  const outcomes = await playRounds(rounds, [lane])
  expect(outcomes.filter(passed).map(({ name }) => name)).toEqual(['same end'])
})
