import { expect, it } from 'vitest'
import { parseLoosely } from './loose-json.ts'

it('takes what the Azure CLI sends: a bare name, and a template file with its comments', () => {
  const file = '{\n  // for "all"\n  "a": 1, /* {b: 2,} */ "url": "https://x//y", "list": [1, 2, // last\n ],\n}'
  expect(parseLoosely(`{"properties": {"mode": "Incremental", template:${file}}}`)).toEqual({
    properties: { mode: 'Incremental', template: { a: 1, url: 'https://x//y', list: [1, 2] } },
  })
})

it('takes strings of several lines and in single quotes', () => {
  expect(parseLoosely(`{'a': "one\n\ttwo \\" {x:1,}", b: 'it\\'s "so"'}`)).toEqual({
    a: 'one\n\ttwo " {x:1,}',
    b: 'it\'s "so"',
  })
})

it.each(['{"a": }', '{"a": 1', '{"a" 1}', 'nothing', '{"a": "open}'])('refuses %s', (text) => {
  expect(() => parseLoosely(text)).toThrow(SyntaxError)
})

it.each([
  ['an open string', `"${'x'.repeat(300_000)}`],
  ['a word', `{${'x'.repeat(300_000)}`],
  ['open strings', `${'"\\'.repeat(100_000)}`],
  ['open comments', '/*'.repeat(150_000)],
  ['commas', `[1${', '.repeat(150_000)}`],
  ['single quotes', `'${"\\'".repeat(100_000)}`],
])('reads %s of any length once, to refuse it', (_, text) => {
  expect(() => parseLoosely(text)).toThrow(SyntaxError)
})
