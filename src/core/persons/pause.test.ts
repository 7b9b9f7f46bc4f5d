import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type PauseRecord, pauseAt } from './pause.ts'

const begun = (until?: number): PauseRecord => ({
  type: 'pause/begun',
  body: { by: 'ada', why: 'network', since: 1, ...(until === undefined ? {} : { until }) },
})
const ended: PauseRecord = { type: 'pause/ended', body: { by: 'ada' } }

it('is in force until it ends, by itself or by a person’s word', () => {
  expect(pauseAt([begun(10)], 9)).toEqual({ by: 'ada', why: 'network', since: 1, until: 10 })
  expect(pauseAt([begun(10)], 10)).toBeUndefined()
  expect(pauseAt([begun()], 1e15)).toBeDefined()
  expect(pauseAt([begun(), ended], 2)).toBeUndefined()
})

it('is what the last word says, whatever was said before', () => {
  const words = fc.array(fc.oneof(fc.constant(ended), fc.option(fc.nat(100), { nil: undefined }).map(begun)))
  fc.assert(
    fc.property(words, fc.nat(100), (before, now) => {
      expect(pauseAt([...before, ended], now)).toBeUndefined()
      expect(pauseAt([...before, begun(50)], now) !== undefined).toBe(now < 50)
    }),
  )
})
