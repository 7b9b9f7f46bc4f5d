import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { evaluate, freshNetwork, type Network, readExamples, trainEpoch } from './network.ts'

const { examples, species } = readExamples(readFileSync('demo/data/iris.csv', 'utf8'))

function trained(network: Network, from: number, to: number): Network {
  let now = network
  for (let epoch = from; epoch <= to; epoch++) now = trainEpoch(now, examples, { seed: 7, epoch })
  return now
}

it('learns to tell the species apart', () => {
  const network = trained(freshNetwork(4, species.length, 7), 1, 30)
  expect(evaluate(network, examples).accuracy).toBeGreaterThan(0.95)
})

it('ends in the same network, to the bit, wherever it was interrupted', () => {
  const whole = trained(freshNetwork(4, species.length, 7), 1, 20)
  for (const cut of [1, 9, 19]) {
    const written = JSON.stringify(trained(freshNetwork(4, species.length, 7), 1, cut))
    expect(trained(JSON.parse(written) as Network, cut + 1, 20)).toEqual(whole)
  }
})

it('ends elsewhere when an epoch is left out, so that equality proves something', () => {
  const whole = trained(freshNetwork(4, species.length, 7), 1, 20)
  const skipped = trained(trained(freshNetwork(4, species.length, 7), 1, 9), 11, 20)
  expect(skipped).not.toEqual(whole)
})
