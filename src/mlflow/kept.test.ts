import { posix } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keptMetric, keptPairs, namesOf, tagsOf } from './kept.ts'
import type { Pair } from './tracking.ts'

/** Any text that can travel as UTF-8, often of the characters by which names are escaped, sometimes very long. */
const text = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 30 }) },
  {
    weight: 4,
    arbitrary: fc.string({ unit: fc.constantFrom('_', '__', '5f', 'c', '3', '.', '-', '/', ' ', 'ä'), maxLength: 40 }),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 200, maxLength: 9000 }) },
)
const pairs = fc.uniqueArray(fc.record({ key: text, value: text }), { selector: ({ key }) => key, maxLength: 6 })

/**
 * What every place takes: MLflow's rule for keys as of its oldest version, which is of letters without accents here, and
 * the lengths of Azure ML.
 */
function isTaken({ key, value }: Pair): boolean {
  return /^[/\w.\- ]{1,100}$/.test(key) && posix.normalize(key) === key && value.length <= 1000
}

describe('what a place refused', () => {
  it('is kept under keys that it takes, and read again exactly as it was', () => {
    fc.assert(
      fc.property(pairs, pairs, (tags, params) => {
        const kept = [
          ...tags.flatMap((one) => keptPairs('tag', one)),
          ...params.flatMap((one) => keptPairs('param', one)),
        ]
        // A long value that is kept whole may have any characters, but never too many.
        expect(kept.filter((one) => !isTaken(one))).toEqual([])
        expect(new Set(kept.map(({ key }) => key)).size).toBe(kept.length)
        const names = namesOf({ tags: kept.toReversed(), params: [], latest: [] })
        expect(names.tags).toEqual(new Map(tags.map(({ key, value }) => [key, value])))
        expect(names.params).toEqual(new Map(params.map(({ key, value }) => [key, value])))
        const under = [...names.tags.keys()].flatMap((key) => names.kept('tag', key))
        expect(under.length + [...names.params.keys()].flatMap((key) => names.kept('param', key)).length).toBe(
          kept.length,
        )
      }),
    )
  })

  it('counts more than what stands under the name itself, which may have been cut', () => {
    const long = 'x'.repeat(9000)
    const tags = [{ key: 'note', value: long.slice(0, 5000) }, ...keptPairs('tag', { key: 'note', value: long })]
    expect(tagsOf(tags).tags).toEqual(new Map([['note', long]]))
  })

  it('is nothing while a part of it is missing', () => {
    const kept = keptPairs('tag', { key: 'note', value: 'x'.repeat(9000) })
    expect(kept).toHaveLength(10)
    expect(tagsOf(kept.slice(1)).tags).toEqual(new Map())
  })
})

it('leaves all other tags as they are, ours and those of persons too', () => {
  const other = fc.uniqueArray(fc.record({ key: text.filter((key) => !key.startsWith('holdfast.')), value: text }), {
    selector: ({ key }) => key,
  })
  fc.assert(
    fc.property(other, (tags) => {
      const all = [...tags, { key: 'holdfast.source_run_id', value: '1' }]
      expect(tagsOf(all).tags).toEqual(new Map(all.map(({ key, value }) => [key, value])))
    }),
  )
})

it('gives a metric its own name again, however long', () => {
  fc.assert(
    fc.property(fc.uniqueArray(text, { maxLength: 6 }), (keys) => {
      const kept = keys.map(keptMetric)
      expect(kept.filter(({ key }) => !isTaken({ key, value: '' }))).toEqual([])
      const tags = kept.flatMap((one) => one.tags)
      const latest = kept.map(({ key }) => ({ key, value: 1, timestamp: 1, step: 0 }))
      const names = namesOf({ tags, params: [], latest })
      expect(names.metrics).toEqual(new Map(keys.map((key, n) => [key, [kept[n]?.key]])))
      expect(names.tags.size).toBe(0)
    }),
  )
})
