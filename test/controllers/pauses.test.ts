import { expect, it } from 'vitest'
import { playPauses, SHORTEST_PAUSE } from './pauses.ts'

it('guards I1: a controller that stood still for longer than its lease takes no effect afterwards, in 5 pauses under load', {
  timeout: 300_000,
}, async () => {
  const { pauses, journal, writes } = await playPauses(Array.from({ length: 5 }, () => SHORTEST_PAUSE))
  expect(pauses.flatMap(({ number, stale }) => stale.map((what) => `${number}: ${what}`))).toEqual([])
  expect(journal).toEqual([])
  expect(writes).toBeGreaterThan(pauses.length)
  expect(pauses.some(({ taken }) => taken)).toBe(true)
})
