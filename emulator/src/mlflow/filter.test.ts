import { expect, test } from 'vitest'
import { parseFilter, parseOrder, parseOrdering } from './filter.ts'
import { globOf, isLike } from './pattern.ts'

test('an empty filter has no comparisons, and one of blanks is none', () => {
  expect(parseFilter(undefined)).toEqual([])
  expect(parseFilter('')).toEqual([])
  expect(() => parseFilter('  ')).toThrow('Could not be parsed')
})

test.each([
  ['metrics.acc > 0.5', { entity: 'metrics', key: 'acc', comparator: '>', operand: { is: 'number', value: 0.5 } }],
  ['metrics.acc>=-1e-3', { key: 'acc', comparator: '>=', operand: { is: 'number', value: -0.001 } }],
  ["params.`a b` = 'x'", { entity: 'params', key: 'a b', comparator: '=', operand: { is: 'text', value: 'x' } }],
  ['params."a b" != "y"', { key: 'a b', comparator: '!=', operand: { is: 'text', value: 'y' } }],
  ["tags.mlflow.runName like 'r%'", { entity: 'tags', key: 'mlflow.runName', comparator: 'LIKE' }],
  ["status ILIKE 'running'", { entity: undefined, key: 'status', comparator: 'ILIKE' }],
  ["run_id IN ('a', 'b')", { comparator: 'IN', operand: { is: 'list', values: ['a', 'b'], numbers: false } }],
  ["run_id NOT IN ('a')", { comparator: 'NOT IN', operand: { is: 'list', values: ['a'] } }],
  ['tags.a IS NULL', { key: 'a', comparator: 'IS NULL', operand: { is: 'nothing' } }],
  ['tags.a IS NOT NULL', { key: 'a', comparator: 'IS NOT NULL', operand: { is: 'nothing' } }],
  ['tags.kind = xyz', { operand: { is: 'word', text: 'xyz' } }],
])('%s is one comparison', (text, comparison) => {
  expect(parseFilter(text)).toMatchObject([comparison])
})

test('comparisons are joined by AND, whatever its case, and one left over at the end is no matter', () => {
  expect(parseFilter("metrics.a > 1 and params.b = 'x AND y' AND")).toMatchObject([
    { key: 'a' },
    { key: 'b', operand: { value: 'x AND y' } },
  ])
})

test.each([
  'metrics.acc',
  'metrics.acc >',
  '= 3',
  'metrics.a > 1 OR metrics.b > 1',
  '(metrics.a > 1)',
  'metrics.acc > +.1',
  "tags.kind IN 'xyz'",
  "run_id IN ('a' 'b')",
  'run_id IN ()',
  'run_id IN (a)',
  "run_id IN ('a', `b`)",
  'metrics.acc <> 1',
  "params.lr = '1'; drop",
  ';',
])('%s is refused', (text) => {
  expect(() => parseFilter(text)).toThrow(expect.objectContaining({ status: 400, code: 'INVALID_PARAMETER_VALUE' }))
})

test('an ordering has a direction, ascending if none is given', () => {
  expect(parseOrdering('metrics.`a b` DESC')).toEqual({ entity: 'metrics', key: 'a b', descending: true })
  expect(parseOrdering('start_time')).toEqual({ entity: undefined, key: 'start_time', descending: false })
  expect(() => parseOrdering('metrics.a sideways')).toThrow('Invalid ordering key')
})

test('a pattern of LIKE becomes one of GLOB, and what GLOB reads as a pattern stays a letter', () => {
  expect(globOf('a%b_c*?[')).toBe('a*b?c[*][?][[]')
})

test('a filter and an order have as many parts as SQLite can take, and no more', () => {
  const filter = (parts: number) => Array.from({ length: parts }, (_, at) => `tags.t${at} = 'x'`).join(' AND ')
  expect(parseFilter(filter(200))).toHaveLength(200)
  expect(() => parseFilter(filter(201))).toThrow('201')
  expect(parseOrder(Array(50).fill('metrics.a'))).toHaveLength(50)
  expect(() => parseOrder(Array(51).fill('metrics.a'))).toThrow('51')
})

test.each([
  ['', '', true],
  ['', '%', true],
  ['', '_', false],
  ['abc', 'abc', true],
  ['abc', 'a_c', true],
  ['abc', 'a%', true],
  ['abc', '%c', true],
  ['abc', '%b%', true],
  ['abc', 'ab', false],
  ['abc', 'b%', false],
  ['aab', '%ab', true],
  ['a\nb', 'a%b', true],
  ['a.b', 'a\\.b', false],
  ['🦊x', '_x', true],
  ['ABC', 'abc', false],
])('%j is like %j: %s', (text, pattern, like) => {
  expect(isLike(text, pattern)).toBe(like)
})

test('a pattern of many parts is compared with a text that almost meets it, and one that is too long is refused', () => {
  expect(isLike('a'.repeat(5000), `${'%a'.repeat(50)}b`)).toBe(false)
  expect(isLike(`${'a'.repeat(5000)}b`, `${'%a'.repeat(50)}b`)).toBe(true)
  expect(() => isLike('a', '%'.repeat(10_001))).toThrow('10001')
  expect(() => globOf('%'.repeat(10_001))).toThrow('10001')
})
