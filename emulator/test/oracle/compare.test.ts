import { expect, test } from 'vitest'
import { type Declared, differencesOf, judged } from './compare.ts'

const here = [{ status: '200', etag: 'one', 'x-own': 'a' }]
const there = [{ status: '200', etag: 'one', 'x-own': 'b' }]

test('a difference that is not declared is told', () => {
  expect(judged(differencesOf('step', here, there), [])).toEqual({
    undeclared: ['step [1] x-own: here a, there b'],
    gone: [],
  })
})

test('a declared difference covers what it names and nothing else', () => {
  const own: Declared = { fact: /x-own/, here: /a/, why: 'it is so' }
  const found = differencesOf('step', here, there)
  expect(judged(found, [own])).toEqual({ undeclared: [], gone: [] })
  expect(judged(found, [{ ...own, here: /c/ }]).undeclared).toHaveLength(1)
  expect(judged(found, [{ ...own, step: /other/ }]).undeclared).toHaveLength(1)
  expect(judged(found, [{ ...own, fact: /x/ }]).undeclared).toHaveLength(1)
})

test('a declared difference that no longer occurs is told by its reason', () => {
  const gone: Declared = { fact: /etag/, why: 'it was so' }
  expect(judged(differencesOf('step', here, here), [gone])).toEqual({ undeclared: [], gone: ['it was so'] })
})

test('a step that sends more requests on one side differs', () => {
  expect(differencesOf('step', here, [...there, ...there])).toMatchObject([{ fact: 'requests', here: '1', there: '2' }])
})
