import { describe, expect, it } from 'vitest'
import { conditionOf, orderOf } from './odata.ts'
import { clausesOf } from './odata-clauses.ts'

describe('an OData filter', () => {
  it('is comparisons joined by and, with or without parentheses', () => {
    const wanted = [
      { name: 'status', key: undefined, operator: 'eq', literal: "'Completed and gone'" },
      { name: 'tags', key: 'owner', operator: 'ne', literal: "'it''s (me)'" },
      { name: 'runNumber', key: undefined, operator: 'gt', literal: '3' },
    ]
    const texts = ["status eq 'Completed and gone'", "tags/owner NE 'it''s (me)'", 'runNumber gt 3']
    expect(clausesOf(texts.join(' and '))).toEqual(wanted)
    expect(clausesOf(texts.map((text) => `(${text})`).join(' AND '))).toEqual(wanted)
    expect(clausesOf(`  ((${texts.map((text) => `( ${text} )`).join('\n and ')}) )`)).toEqual(wanted)
    expect(clausesOf(' and ')).toEqual([])
  })

  it.each([
    'nonsense',
    'status eq',
    'status is 1',
    "status eq 'a' or status eq 'b'",
    "status eq 'open",
    "status eq 'a'b",
    'constructor eq 1',
    'constructor/a eq 1',
    "toString eq 'x'",
    'createdUtc gt yesterday',
    '((((',
    Array(201).fill('runNumber gt 3').join(' and '),
  ])('that is %j is refused', (filter) => {
    expect(() => conditionOf(filter)).toThrow('is not understood')
  })

  it.each([
    ['parentheses', `status eq x${')'.repeat(65_000)} y`],
    ['spaces', `${' '.repeat(65_000)}x`],
    ['joints', 'a and '.repeat(10_000)],
    ['quotes', `status eq ${"'".repeat(65_001)}`],
    ['opened parentheses', '( '.repeat(32_000)],
    ['more than are read', `status eq '${'x'.repeat(65_536)}'`],
  ])('of as many %s as it can have is refused', (_, filter) => {
    expect(() => conditionOf(filter)).toThrow('is not understood')
  })

  it('has an order of names that are known, and not of too many', () => {
    expect(orderOf('createdUtc desc, name')).toHaveLength(3)
    expect(() => orderOf('constructor desc')).toThrow('is not understood')
    expect(() => orderOf(Array(51).fill('name').join())).toThrow('51')
  })
})
