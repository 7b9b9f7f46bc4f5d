import { describe, expect, it } from 'vitest'
import { FOLLOWED } from '../../../test/support/made-up-policy.ts'
import type { Milliseconds } from '../../core/duration.ts'
import { demandPace, type Pace } from './may-serve.ts'

const USUAL: Pace = { lease: 60_000, call: 10_000, tick: 2000 }

describe('the pace of a controller', () => {
  // Guards: a side is lost when everything was down without a gap, and looks far apart leave one each time.
  it('is refused where its looks are so far apart that what was seen counts no more at the next', () => {
    const lostAfter = (milliseconds: Milliseconds) => ({
      ...FOLLOWED,
      failover: { ...FOLLOWED.failover, after: milliseconds },
    })
    expect(() => demandPace({ ...USUAL, tick: 15_000 }, lostAfter(90_000))).not.toThrow()
    for (const [tick, policy] of [
      [16_000, lostAfter(90_000)],
      [6000, lostAfter(10_000)],
    ] as const) {
      expect(() => demandPace({ ...USUAL, tick }, policy)).toThrow(
        expect.objectContaining({ code: 'usage/bad-argument' }),
      )
    }
  })
})
