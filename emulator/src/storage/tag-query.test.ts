import { expect, test } from 'vitest'
import { parseTagQuery } from './tag-query.ts'

const tags = { stage: 'raw', rank: '05', 'with space': "it's" }

test.each([
  [`stage = 'raw'`, true],
  [`"stage"='raw' AND rank >= '05' and rank < '06'`, true],
  [`"with space" = 'it''s'`, true],
  [`stage = 'raw' AND @container = 'box'`, true],
  [`@container = 'other'`, false],
  [`rank > '05'`, false],
  [`absent <= 'z'`, false],
])('finds by %s', (text, holds) => {
  expect(parseTagQuery(text, 'find').holds(tags, 'box')).toBe(holds)
})

test.each([
  [`stage = 'clean' OR rank = '05'`, true],
  [`stage <> 'raw'`, false],
  [`absent <> 'raw'`, true],
  [`stage = 'clean' OR stage = 'raw' AND rank = '06'`, false],
])('decides on %s', (text, holds) => {
  expect(parseTagQuery(text, 'condition').holds(tags, '')).toBe(holds)
})

test.each([
  '',
  'stage',
  `stage = raw`,
  `stage = 'raw' AND`,
  `= 'raw'`,
  `stage is 'raw'`,
  `stage = 'raw' OR rank = '05'`,
])('does not find by %s', (text) => {
  expect(() => parseTagQuery(text, 'find')).toThrow('not valid')
})
