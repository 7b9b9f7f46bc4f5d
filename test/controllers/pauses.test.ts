import { expect, it } from 'vitest'
import { playPauses, SHORTEST_PAUSE } from './pauses.ts'

/** What was on its way between a look at the clock and the network cannot be held back: see docs/behaviour/failover.md. */
const ON_ITS_WAY = 1

it('guards I1: of a controller that stood still for longer than its lease takes effect at most the request that was on its way, and the journal stays one writer’s, in 5 pauses under load', {
  timeout: 300_000,
}, async () => {
  const { pauses, journal, writes } = await playPauses(Array.from({ length: 5 }, () => SHORTEST_PAUSE))
  expect(pauses.filter(({ stale }) => stale.length > ON_ITS_WAY)).toEqual([])
  expect(journal).toEqual([])
  expect(writes).toBeGreaterThan(pauses.length)
  expect(pauses.some(({ taken }) => taken)).toBe(true)
})
