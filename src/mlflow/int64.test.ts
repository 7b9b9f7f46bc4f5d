import { expect, it } from 'vitest'
import { compareInt64, int64 } from './int64.ts'
import { isLater } from './later.ts'
import { pointSum, unpaired } from './points.ts'
import { readJson } from './read-json.ts'
import { pointFrom, pointToJson } from './shapes.ts'
import type { Point } from './tracking.ts'

const read = (text: string) => pointFrom(readJson(text) as never)

it('keeps a whole number to the digit, as a number where that is enough', () => {
  expect(int64(undefined)).toBe(0)
  expect(int64('1700000000000')).toBe(1_700_000_000_000)
  expect(int64('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER)
  expect(int64('9007199254740993')).toBe('9007199254740993')
  expect(int64('-9223372036854775808')).toBe('-9223372036854775808')
})

it('orders numbers and texts alike', () => {
  const sorted = ['-9223372036854775808', -5, 0, 7, '9007199254740992', '9007199254740993', '9223372036854775807']
  expect(sorted.toReversed().toSorted(compareInt64)).toEqual(sorted)
  expect(compareInt64('9007199254740993', '9007199254740993')).toBe(0)
})

it('reads a point whose time is in nanoseconds, and says it again, to the digit', () => {
  const text = '{"key":"m","value":0.1234567890123456,"timestamp":1700000000000000001,"step":9007199254740993}'
  const point = read(text)
  expect(point).toEqual({
    key: 'm',
    value: 0.1234567890123456,
    timestamp: '1700000000000000001',
    step: '9007199254740993',
  })
  expect(pointFrom(JSON.parse(JSON.stringify(pointToJson(point))) as never)).toEqual(point)
})

it('takes two points for two that a double takes for one', async () => {
  const [one, other] = ['9007199254740992', '9007199254740993'].map((step) =>
    read(`{"key":"m","value":1,"timestamp":1,"step":${step}}`),
  ) as [Point, Point]
  expect(isLater(other, one)).toBe(true)
  expect(isLater(one, other)).toBe(false)
  const [sum, otherSum] = [pointSum(), pointSum()]
  sum.add(one)
  otherSum.add(other)
  expect(sum.value()).not.toEqual(otherSum.value())
  expect(await Array.fromAsync(unpaired({ wanted: () => [one, other], found: () => [one] }))).toEqual([other])
})
