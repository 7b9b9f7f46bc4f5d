import { expect, it } from 'vitest'
import { Fault } from '../core/errors.ts'
import type { Address, Item, Kind } from '../core/model.ts'
import { item } from '../core/snapshot.ts'
import type { Place, Service } from '../services/service.ts'
import { type ObserveOptions, observe } from './observe.ts'
import { silent } from './parts.ts'

const place = { location: 'eastus2' } as Place

function service(kind: Kind, list: () => AsyncIterable<Item>): Service {
  const never = () => Promise.reject(new Error('not asked in this test'))
  const can = { converge: true, update: true, remove: true, acts: false, ordered: false }
  return { kind, needs: [], can, list, read: never, references: () => [], converge: never, remove: never }
}

function listing(kind: Kind, ...names: readonly string[]): Service {
  return service(kind, async function* () {
    for (const name of names) yield item(`${kind}/${name}` as Address, { name })
  })
}

function options(services: readonly Service[], more: Partial<ObserveOptions> = {}): ObserveOptions {
  const signal = AbortSignal.timeout(10_000)
  return { services, as: 'source', signal, excluded: () => false, now: () => 1000, progress: silent, ...more }
}

it('reads every kind, leaves out what the policy excludes and is dated before its first request', async () => {
  let time = 1000
  const services = [listing('model', 'a', 'b'), listing('experiment', 'keep', 'scratch-1')]
  const excluded = (address: Address) => address.startsWith('experiment/scratch-')
  const seen = await observe(place, options(services, { excluded, now: () => time++ }))
  expect([...seen.snapshot.items()].map((one) => one.address).sort()).toEqual(['experiment/keep', 'model/a', 'model/b'])
  expect(seen.startedAt).toBe(1000)
  expect(seen.incomplete.size).toBe(0)
})

it('guards I5: a list that broke off proves nothing, and what was known before stands', async () => {
  const broken = service('model', async function* () {
    yield item('model/a', { name: 'a' })
    throw new Fault('observe/incomplete', 'page 2 of model did not come')
  })
  const first = await observe(place, options([listing('model', 'a', 'b', 'c')]))
  const second = await observe(place, options([broken, listing('data', 'x')], { before: first.snapshot }))
  expect([...second.incomplete.keys()]).toEqual(['model'])
  expect(second.snapshot.has('model/c')).toBe(true)
  expect(second.snapshot.has('data/x')).toBe(true)
})

it('does not take a defect for an unreachable service', async () => {
  const defect = service('model', async function* () {
    yield* []
    throw new TypeError('x is not a function')
  })
  await expect(observe(place, options([defect]))).rejects.toThrow('x is not a function')
})
