import { expect, it } from 'vitest'
import { Fault, type FaultCode } from '../core/errors.ts'
import { address } from '../core/model.ts'
import { stopEach } from './stop-each.ts'

async function* named(...names: readonly string[]): AsyncIterable<string> {
  yield* names
}

async function stopping(code: FaultCode, ...stubborn: readonly string[]) {
  const tried: string[] = []
  const done = stopEach(named('a', 'b', 'c', 'd'), {
    width: 1,
    signal: AbortSignal.timeout(10_000),
    stop: async (name) => {
      tried.push(name)
      if (stubborn.includes(name)) throw new Fault(code, `${name} stays`)
      return address('job', name)
    },
  })
  const result = await done.catch((thrown: unknown) => thrown)
  return { tried, result }
}

it('stops all and tells them', async () => {
  const { result } = await stopping('azure/refused')
  expect(result).toEqual(['job/a', 'job/b', 'job/c', 'job/d'])
})

it('guards I1: stops the others where one or two cannot be stopped, and then says so', async () => {
  const one = await stopping('azure/refused', 'b')
  expect(one.tried).toEqual(['a', 'b', 'c', 'd'])
  expect(one.result).toMatchObject({ code: 'azure/refused', message: 'b stays' })
  const two = await stopping('azure/denied', 'a', 'c')
  expect(two.tried).toEqual(['a', 'b', 'c', 'd'])
  expect(two.result).toMatchObject({
    code: 'azure/denied',
    message: '2 could not be stopped, 2 were; of the first: a stays',
  })
})

it('does not try each where the side does not answer', async () => {
  const { tried, result } = await stopping('azure/unreachable', 'b')
  expect(result).toMatchObject({ code: 'azure/unreachable' })
  expect(tried).not.toContain('d')
})
