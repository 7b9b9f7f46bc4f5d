import { describe, expect, it } from 'vitest'
import { hopeless } from './policy.ts'

const reports = (all: Readonly<Record<string, readonly number[]>>, ended: readonly string[] = []) =>
  Object.entries(all).map(([trial, values]) => ({ trial, values, open: !ended.includes(trial) }))
const ended = (all: Readonly<Record<string, readonly number[]>>, policy: object, maximize = true) =>
  hopeless(reports(all), { policy, maximize })

describe('bandit', () => {
  const policy = { policyType: 'Bandit', slackFactor: 0.2, evaluationInterval: 1 }

  it('ends trials that fall behind the best by more than the slack', () => {
    expect(ended({ a: [0.8], b: [0.66], c: [0.67] }, policy)).toEqual(['b'])
  })

  it('takes the least for the best where the metric is to be small', () => {
    expect(ended({ a: [1], b: [1.19], c: [1.21] }, policy, false)).toEqual(['c'])
  })

  it('takes an amount', () => {
    const amount = { policyType: 'Bandit', slackAmount: 0.1, slackFactor: 0 }
    expect(ended({ a: [0.8], b: [0.69], c: [0.75] }, amount)).toEqual(['b'])
  })

  it('waits for its delay, and looks only every so many reports', () => {
    expect(ended({ a: [0.8], b: [0.1] }, { ...policy, delayEvaluation: 2 })).toEqual([])
    expect(ended({ a: [0.8], b: [0.1, 0.1, 0.1] }, { ...policy, evaluationInterval: 2 })).toEqual([])
    expect(ended({ a: [0.8], b: [0.1, 0.1] }, { ...policy, evaluationInterval: 2 })).toEqual(['b'])
  })
})

it('median stopping ends trials whose best is below the middle of the running averages', () => {
  const all = { a: [0.5, 0.7], b: [0.4, 0.6], c: [0.1, 0.2] }
  expect(ended(all, { policyType: 'MedianStopping' })).toEqual(['c'])
})

it('truncation ends the worst of those that have come as far', () => {
  const all = { a: [1], b: [2], c: [3], d: [4], late: [] }
  expect(ended(all, { policyType: 'TruncationSelection', truncationPercentage: 50 })).toEqual(['a', 'b'])
})

it('ends nothing that has ended, nothing without reports, and nothing without a policy', () => {
  const policy = { policyType: 'Bandit', slackFactor: 0.1 }
  expect(hopeless(reports({ a: [1], b: [0.1], c: [] }, ['b']), { policy, maximize: true })).toEqual([])
  expect(ended({ a: [1], b: [0.1] }, {})).toEqual([])
})
