import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyJson } from '../../test/support/arbitrary.ts'
import { canonical, digestOf, sameJson } from './canonical.ts'
import type { Json, JsonObject } from './model.ts'

describe('canonical', () => {
  it('sorts fields by their UTF-16 code units, as RFC 8785 asks', () => {
    const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }
    expect(canonical(value)).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}')
  })

  it('writes numbers as ECMAScript does', () => {
    expect(canonical([0.1 + 0.2, 1e30, 4.5, 2e-3, 1e-27, -0])).toBe('[0.30000000000000004,1e+30,4.5,0.002,1e-27,0]')
  })

  it('leaves out fields that are undefined', () => {
    expect(canonical({ a: undefined, b: 1 } as unknown as JsonObject)).toBe('{"b":1}')
  })

  it('keeps a field named __proto__', () => {
    expect(canonical(JSON.parse('{"__proto__":{"a":1}}') as Json)).toBe('{"__proto__":{"a":1}}')
  })

  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, (() => 1) as unknown as Json, 1n as unknown as Json]) {
    it(`refuses ${typeof value} ${String(value)}`, () => {
      expect(() => canonical({ deep: [value] })).toThrow(expect.objectContaining({ code: 'observe/not-json' }))
    })
  }

  it('refuses what nests too deeply instead of ending the stack', () => {
    let deep: Json = 1
    for (let level = 0; level < 100_000; level++) deep = [deep]
    expect(() => canonical(deep)).toThrow('nests deeper than 200 levels')
  })

  it('means the same as JSON, and is the same for equal values', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const text = canonical(value)
        expect(canonical(JSON.parse(text) as Json)).toBe(text)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})

describe('digestOf', () => {
  it('does not depend on the order of fields', () => {
    expect(digestOf({ a: 1, b: { c: 2, d: 3 } })).toBe(digestOf({ b: { d: 3, c: 2 }, a: 1 }))
  })

  it('depends on the order of a list', () => {
    expect(digestOf([1, 2])).not.toBe(digestOf([2, 1]))
  })
})

describe('sameJson', () => {
  it('says what the canonical texts say', () => {
    const near = anyJson.chain((value) =>
      fc.tuple(fc.constant(value), fc.oneof(fc.constant(JSON.parse(JSON.stringify(value)) as Json), anyJson)),
    )
    fc.assert(
      fc.property(near, ([one, other]) => {
        expect(sameJson(one, other)).toBe(canonical(one) === canonical(other))
      }),
    )
  })

  it('tells a list from an object, and a field from its absence', () => {
    expect(sameJson([], {})).toBe(false)
    expect(sameJson([1], [1, 2])).toBe(false)
    expect(sameJson({ a: 1 }, { a: 1, b: null })).toBe(false)
    expect(sameJson({ b: undefined } as unknown as Json, {})).toBe(true)
  })
})
