import { describe, expect, it } from 'vitest'
import { scenarioOf } from './scenario.ts'
import { simulate } from './simulate.ts'

/**
 * Seeds of `npm test`. A thousand, on two cores: `node test/simulation/replay.ts 0..999 --workers 2`; one, with
 * everything that happens in it: `node test/simulation/replay.ts 42`.
 */
const SEEDS = Number(process.env['SIMULATION_SEEDS'] ?? 40)
const SLICE = 10

describe('two hours in which regions, vantage points and controllers fail', () => {
  for (let first = 0; first < SEEDS; first += SLICE) {
    const last = Math.min(first + SLICE, SEEDS) - 1
    it(`end as they must, with nothing on the way that must never be: seeds ${first} to ${last}`, async () => {
      const wrong: string[] = []
      for (let seed = first; seed <= last; seed++) {
        const { kind, violations } = await simulate(seed)
        wrong.push(...violations.map((one) => `seed ${seed} (${kind}) ${one}`))
      }
      expect(wrong).toEqual([])
    }, 120_000)
  }

  it('are the same every time for the same seed', async () => {
    for (const seed of [2, 48]) expect((await simulate(seed)).digest).toBe((await simulate(seed)).digest)
  })

  it('really lose the active region in at least a third of all seeds', () => {
    const lost = Array.from({ length: 1000 }, (_, seed) => scenarioOf(seed)).filter(({ owed }) => owed === 1)
    expect(lost.length).toBeGreaterThan(334)
  })
})
