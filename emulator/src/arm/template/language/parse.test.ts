import { describe, expect, it } from 'vitest'
import { evaluated } from '../test-place.ts'
import { escaped, expressionIn, plain } from './parse.ts'

describe('a string of a template', () => {
  it('is plain text unless it is in brackets', () => {
    expect(expressionIn('plain')).toBeUndefined()
    expect(expressionIn('[half')).toBeUndefined()
    expect(expressionIn('[[escaped]')).toBeUndefined()
    expect(plain('[[escaped]')).toBe('[escaped]')
    expect(plain('[[open')).toBe('[[open')
    expect(plain(escaped('[x]'))).toBe('[x]')
  })

  it('holds calls, literals, numbers, properties and indexes', () => {
    expect(expressionIn("[f(a.b('it''s'), -5).x['y']]")).toEqual({
      is: 'index',
      of: {
        is: 'property',
        of: {
          is: 'call',
          name: 'f',
          args: [
            { is: 'call', name: 'a.b', args: [{ is: 'text', value: "it's" }] },
            { is: 'number', value: -5 },
          ],
        },
        name: 'x',
      },
      by: { is: 'text', value: 'y' },
    })
  })

  it('may spread over lines', () => {
    expect(evaluated("concat(\n  'a',\n\t'b'\n)")).toBe('ab')
  })

  it.each([
    ["[concat('a', uniqueString(resourceGroup().id)]", "expected token 'RightParenthesis' and actual 'EndOfData'"],
    ['[]', undefined],
    ['[ ]', "Unable to parse language expression ' ': expected token 'Identifier' and actual 'EndOfData'."],
    ['[concat]', "expected token 'LeftParenthesis' and actual 'EndOfData'"],
    ["[concat('a') 'b']", "expected token 'EndOfData' and actual 'Literal'"],
    ['[{"a": 1}]', "the string character '{' at position '0' is not expected"],
    ["[concat('a]", "the string character ''' at position '7' is not expected"],
  ])('%s is refused in the words of the service', (text, words) => {
    if (words === undefined) expect(() => expressionIn(text)).toThrow("actual 'EndOfData'")
    else expect(() => expressionIn(text)).toThrow(words)
  })
})
