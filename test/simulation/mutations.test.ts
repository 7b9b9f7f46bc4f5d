import { expect, it } from 'vitest'
import type { Acts } from '../../src/controller/controller.ts'
import type { Probe } from '../../src/core/health.ts'
import { MINUTE, type Scenario, SECOND, scenarioOf } from './scenario.ts'
import { type Mutation, simulate } from './simulate.ts'

/** Each rule of deciding is switched off in turn, from outside: a world must exist in which that shows. */

const SEEDS = 400
const TRIES = 8

/** The violations of the first seeds of a kind that show any, or none. */
async function found(kind: Scenario['kind'], mutation: Mutation): Promise<string> {
  let tries = 0
  for (let seed = 0; seed < SEEDS && tries < TRIES; seed++) {
    if (scenarioOf(seed).kind !== kind) continue
    tries++
    const { violations } = await simulate(seed, mutation)
    if (violations.length > 0) return violations.join('\n')
  }
  return ''
}

/** Changes what the points tell before it is judged. */
function telling(change: (probes: readonly Probe[]) => readonly Probe[]): Mutation {
  return {
    acts: (acts: Acts): Acts => ({
      ...acts,
      askPoints: async (options, signal) => {
        const { probes, silent } = await acts.askPoints(options, signal)
        return { probes: change(probes), silent }
      },
    }),
  }
}

/** What one point says is what all say, and the worst is believed. */
function unanimous(probes: readonly Probe[]): readonly Probe[] {
  const failed = probes.filter(({ result }) => result === 'failed')
  const key = ({ side, plane }: Probe) => `${side}/${plane}`
  const bad = new Map(failed.map((probe) => [key(probe), probe]))
  return probes.map((probe) => {
    const worst = bad.get(key(probe))
    return worst === undefined ? probe : { ...worst, point: probe.point }
  })
}

it('without hold-down, a region that was away for a moment is left', async () => {
  expect(await found('blip', { failover: { after: 0 } })).toContain('was not down for as long as it takes')
})

it('without a majority, a few points that see a region differently make it be left', async () => {
  expect(await found('asymmetric', telling(unanimous))).toContain('was not down for as long as it takes')
})

it('without a check of themselves, points that are cut off make a region be left', async () => {
  const believed = telling((probes) => probes.map((probe) => ({ ...probe, selfCheck: true })))
  expect(await found('blind', believed)).toContain('was not down for as long as it takes')
})

it('without maxLoss, more work is lost than may be', async () => {
  const mutation = { failover: { maxLoss: 1000 * MINUTE } }
  expect(await found('too-much-loss', mutation)).toMatch(/a failover loses \d+ s, and 600 s may be lost/)
})

it('without coolDown, one failover follows the other', async () => {
  expect(await found('lost-twice', { failover: { coolDown: SECOND } })).toMatch(
    /a failover begins \d+ s after the last one/,
  )
})

it('without the mode, a person who must be asked is not', async () => {
  expect(await found('approval', { failover: { mode: 'automatic' } })).toContain('a failover begins that must ask')
})
