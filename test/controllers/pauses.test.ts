import { expect, it } from 'vitest'
import { playPauses, SHORTEST_PAUSE } from './pauses.ts'

it('guards I1: of a controller that stood still for longer than its lease nothing takes effect, and the journal stays one writer’s, in 5 pauses under load', {
  timeout: 300_000,
}, async () => {
  const { pauses, journal, writes } = await playPauses(Array.from({ length: 5 }, () => SHORTEST_PAUSE))
  expect(pauses.filter(({ stale }) => stale.length > 0)).toEqual([])
  expect(journal).toEqual([])
  expect(writes).toBeGreaterThan(pauses.length)
  expect(pauses.some(({ taken }) => taken)).toBe(true)
})
