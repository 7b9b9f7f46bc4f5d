import { expect, it } from 'vitest'
import { differingFields } from './fields.ts'

it('names the deepest field in which two bodies differ', () => {
  const one = { properties: { tags: { stage: 'prod', team: 'churn' }, inputs: [{ path: 'a' }, { path: 'b' }] } }
  const other = { properties: { tags: { stage: 'test', team: 'churn' }, inputs: [{ path: 'a' }, { path: 'c' }] } }
  expect(differingFields(one, other)).toEqual([
    { path: 'properties.inputs[1].path', one: 'b', other: 'c' },
    { path: 'properties.tags.stage', one: 'prod', other: 'test' },
  ])
})

it('tells what one side lacks from what it has as null', () => {
  expect(differingFields({ a: null, b: 1 }, { c: 2, b: 1 })).toEqual([
    { path: 'a', one: null },
    { path: 'c', other: 2 },
  ])
})

it('does not take a list for an object, and finds nothing in what is equal', () => {
  expect(differingFields({ a: [1] }, { a: { 0: 1 } })).toEqual([{ path: 'a', one: [1], other: { 0: 1 } }])
  expect(differingFields({ a: [1, { b: [] }] }, { a: [1, { b: [] }] })).toEqual([])
})
