import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration, roughly } from './duration.ts'
import { feasibility, placement } from './objectives.ts'
import { type AvailabilityPolicy, inMaintenance, modes, resubmissions } from './policy.ts'
import { REGIONS } from './regions.ts'
import { anyOf, selector } from './selector.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

describe('a duration', () => {
  for (const [text, milliseconds] of [
    ['90s', 90_000],
    ['5m', 5 * MINUTE],
    ['1h30m', 90 * MINUTE],
    ['2d', 2 * DAY],
    ['500ms', 500],
    ['1m500ms', 60_500],
    ['0s', 0],
  ] as const) {
    it(`reads ${text}`, () => expect(parseDuration(text)).toBe(milliseconds))
  }

  for (const text of ['', '5', '5 m', '1.5h', '-5m', '30m1h', '5m5m', 'm', '99999999999999999d']) {
    it(`refuses ${JSON.stringify(text)}`, () => expect(parseDuration(text)).toBeUndefined())
  }

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.nat(), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds)
      }),
    )
  })

  it('is said in no more than two units', () => {
    expect(roughly(2 * DAY + 3 * HOUR + 4 * MINUTE)).toBe('2d3h')
    expect(roughly(90_500)).toBe('1m30s')
    expect(roughly(500)).toBe('500ms')
  })
})

describe('a selector', () => {
  it('means one segment by a star, and what stands under it', () => {
    const scratch = selector('experiment/scratch-*')
    expect(scratch('experiment/scratch-1')).toBe(true)
    expect(scratch('experiment/scratch-1/run')).toBe(true)
    expect(scratch('experiment/other')).toBe(false)
    expect(selector('model/*/3')('model/churn/3')).toBe(true)
    expect(selector('model/*/3')('model/churn/x/3')).toBe(false)
    expect(selector('model/**/3')('model/churn/x/3')).toBe(true)
  })

  it('means no address that only begins like it', () => {
    expect(selector('model/churn')('model/churn-old/1')).toBe(false)
  })

  it('compares names as people write them', () => {
    expect(selector('experiment/my runs*')('experiment/my%20runs%20now')).toBe(true)
    expect(selector('experiment/100%')('experiment/100%')).toBe(true)
  })

  it('takes characters of regular expressions for themselves', () => {
    expect(selector('model/a.b')('model/axb')).toBe(false)
  })

  it('means nothing where there is none', () => {
    expect(anyOf([])('model/a')).toBe(false)
  })
})

const availability: AvailabilityPolicy = {
  default: 'hot/warm',
  kinds: { compute: 'hot/cold' },
  rules: [
    { match: 'online-endpoint/fraud*', mode: 'hot/hot' },
    { match: 'online-endpoint/*', mode: 'hot/cold' },
    { match: 'schedule/nightly', resubmit: 'primary' },
  ],
}

describe('availability', () => {
  it('is that of the first rule that matches, else of the kind, else the default', () => {
    const mode = modes(availability)
    expect(mode('online-endpoint/fraud-eu')).toBe('hot/hot')
    expect(mode('online-endpoint/other')).toBe('hot/cold')
    expect(mode('compute/gpu')).toBe('hot/cold')
    expect(mode('schedule/nightly')).toBe('hot/warm')
  })

  it('says where jobs go on, apart from how ready a thing is kept', () => {
    expect(resubmissions(availability)('schedule/nightly')).toBe('primary')
    expect(resubmissions(availability)('schedule/other')).toBeUndefined()
  })
})

describe('a maintenance window', () => {
  // 2026-11-21 is a Saturday.
  const saturday = Math.floor(1_795_219_200_000 / DAY) * DAY
  const nightly = [{ days: [6], from: 22 * HOUR, lasts: 4 * HOUR }]

  it('holds from its start until before its end, past midnight too', () => {
    expect(inMaintenance(nightly, saturday + 22 * HOUR - 1)).toBe(false)
    expect(inMaintenance(nightly, saturday + 22 * HOUR)).toBe(true)
    expect(inMaintenance(nightly, saturday + 26 * HOUR - 1)).toBe(true)
    expect(inMaintenance(nightly, saturday + 26 * HOUR)).toBe(false)
  })

  it('comes back every week and on no other day', () => {
    expect(inMaintenance(nightly, saturday + 7 * DAY + 23 * HOUR)).toBe(true)
    expect(inMaintenance(nightly, saturday + DAY + 23 * HOUR)).toBe(false)
  })
})

describe('an objective', () => {
  it('can be met where two passes at the permitted rate fit into it', () => {
    expect(feasibility(5 * MINUTE, MINUTE, { calls: 600, callsPerSecond: 10 })).toMatchObject({
      feasible: true,
      pass: MINUTE,
      recoveryPoint: 2 * MINUTE,
    })
  })

  it('cannot be met where the source permits too few calls, and the reason says the numbers', () => {
    const result = feasibility(5 * MINUTE, MINUTE, { calls: 6000, callsPerSecond: 10 })
    expect(result.feasible).toBe(false)
    expect(result.reason).toBe(
      '6000 calls a pass at 10 a second take 10m; started every 1m, the recovery point gets 20m old, and the objective is 5m',
    )
  })
})

describe('placement', () => {
  it('permits two regions of one geography, and knows a pair', () => {
    expect(placement('eastus2', 'centralus', 'geography')).toMatchObject({ allowed: true, paired: true })
    expect(placement('eastus2', 'westus3', 'geography')).toMatchObject({ allowed: true, paired: false })
    expect(placement('West Europe', 'northeurope', 'geography')).toMatchObject({ allowed: true, paired: true })
  })

  it('refuses another geography unless the policy says so', () => {
    expect(placement('brazilsouth', 'southcentralus', 'geography').allowed).toBe(false)
    expect(placement('brazilsouth', 'southcentralus', 'any').allowed).toBe(true)
  })

  it('refuses one region twice, always', () => {
    expect(placement('eastus2', 'eastus2', 'any').allowed).toBe(false)
  })

  it('does not guess where an unknown region is', () => {
    expect(placement('eastus2', 'moonbase', 'geography').allowed).toBe(false)
    expect(placement('eastus2', 'moonbase', 'any').allowed).toBe(true)
  })

  it('names only pairs that it knows itself', () => {
    for (const region of REGIONS.values()) if (region.pair !== undefined) expect(REGIONS.has(region.pair)).toBe(true)
  })
})
