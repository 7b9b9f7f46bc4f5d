import { describe, expect, it } from 'vitest'
import { FOLLOWED } from '../../../test/support/made-up-policy.ts'
import type { Milliseconds } from '../../core/duration.ts'
import type { Place } from '../../services/service.ts'
import { demandMayServe, demandPace, PACE, sideAround } from './may-serve.ts'

describe('the pace of a controller', () => {
  // Guards: with a call as long as what is left of a lease between two renewals, nothing would begin there.
  it('is refused where a lease is shorter than three calls', () => {
    expect(() => demandPace(PACE, FOLLOWED)).not.toThrow()
    expect(() => demandPace({ ...PACE, lease: 9000, call: 3000 }, FOLLOWED)).not.toThrow()
    for (const [lease, call] of [
      [8999, 3000],
      [30_000, 20_000],
      [20_001, 20_000],
    ] as const) {
      expect(() => demandPace({ ...PACE, lease, call }, FOLLOWED), `${lease} ${call}`).toThrow(
        expect.objectContaining({ code: 'usage/bad-argument' }),
      )
    }
  })

  // Guards: a side is lost when everything was down without a gap, and looks far apart leave one each time.
  it('is refused where its looks are so far apart that what was seen counts no more at the next', () => {
    const lostAfter = (milliseconds: Milliseconds) => ({
      ...FOLLOWED,
      failover: { ...FOLLOWED.failover, after: milliseconds },
    })
    expect(() => demandPace({ ...PACE, tick: 15_000 }, lostAfter(90_000))).not.toThrow()
    for (const [tick, policy] of [
      [16_000, lostAfter(90_000)],
      [6000, lostAfter(10_000)],
    ] as const) {
      expect(() => demandPace({ ...PACE, tick }, policy)).toThrow(
        expect.objectContaining({ code: 'usage/bad-argument' }),
      )
    }
  })
})

describe('the region of a controller', () => {
  const open = async () => ({ location: 'eastus2' }) as Place
  const around = (region: string | undefined) =>
    sideAround(region, { policy: FOLLOWED, parts: { open } }, new AbortController().signal)

  // Guards: a controller is not automatic where it would be lost with what it watches.
  it('is known in every form, and refused to automatic mode where it is the primary’s', async () => {
    for (const written of ['eastus2', 'East US 2', 'EASTUS2']) {
      const inside = await around(written)
      expect(() => demandMayServe(FOLLOWED, inside), written).toThrow(
        expect.objectContaining({ code: 'failover/refused' }),
      )
    }
    for (const [written, side] of [
      ['Central US', 'secondary'],
      ['West Europe', undefined],
      [undefined, undefined],
    ] as const) {
      expect(await around(written), written).toBe(side)
      expect(() => demandMayServe(FOLLOWED, side), written).not.toThrow()
    }
  })

  it('is refused where it is none and no side is there', async () => {
    for (const written of ['eastsu2', 'rack 3', ''])
      await expect(around(written), written).rejects.toMatchObject({ code: 'usage/bad-argument' })
  })
})
