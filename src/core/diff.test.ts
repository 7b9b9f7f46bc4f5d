import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anySnapshot } from '../../test/support/arbitrary.ts'
import { diff } from './diff.ts'
import type { Item } from './model.ts'
import { item, type Snapshot, snapshotOf } from './snapshot.ts'

describe('diff', () => {
  it('finds nothing between equal snapshots that share nothing', () => {
    expect(diff(snapshotOf(many(3000)), snapshotOf(many(3000)))).toEqual([])
  })

  it('says what is absent, changed and extra, in the order of addresses', () => {
    const wanted = snapshotOf([item('model/a', { v: 1 }), item('model/b', { v: 1 }), item('data/c', {})])
    const found = snapshotOf([item('model/b', { v: 2 }), item('model/d', {}), item('data/c', {})])
    expect(diff(wanted, found).map((one) => `${one.is} ${one.address}`)).toEqual([
      'absent model/a',
      'changed model/b',
      'extra model/d',
    ])
  })

  it('agrees with comparing every address', () => {
    fc.assert(
      fc.property(anySnapshot, anySnapshot, (wanted, found) => {
        const seen = diff(wanted, found).map((one) => `${one.is} ${one.address}`)
        expect(seen).toEqual(slowly(wanted, found))
      }),
    )
  })

  it('agrees with comparing every address also when there are many', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 2000 }), { maxLength: 60 }), fc.nat(), (touched, seed) => {
        const wanted = snapshotOf(many(2000))
        const found = wanted
          .without(touched.filter((n) => (n + seed) % 3 === 0).map((n) => `model/m${n}` as const))
          .with(touched.filter((n) => (n + seed) % 3 === 1).map((n) => item(`model/m${n}`, { other: n })))
          .with(touched.filter((n) => (n + seed) % 3 === 2).map((n) => item(`model/extra${n}`, {})))
        expect(diff(wanted, found).map((one) => `${one.is} ${one.address}`)).toEqual(slowly(wanted, found))
      }),
      { numRuns: 20 },
    )
  })

  it('looks at no subtree that is the same on both sides', () => {
    const before = snapshotOf(many(20_000))
    const looked: string[] = []
    const watched = before.with([watchedItem('model/m5', looked), watchedItem('model/m6', looked)])
    expect(watched.digest).toMatch(/^[0-9a-f]{64}$/)
    looked.length = 0
    diff(watched, watched.with([item('model/m5', { changed: true })]))
    expect(looked).toContain('model/m5')
    expect(looked).not.toContain('model/m6')
  })

  it('looks at no item of two sides that were built apart and say the same, once their digests are known', () => {
    const looked: string[] = []
    const built = () => snapshotOf([...many(2000), watchedItem('model/watched', looked)])
    const [wanted, found] = [built(), built()]
    expect(wanted.digest).toBe(found.digest)
    looked.length = 0
    expect(diff(wanted, found)).toEqual([])
    expect(looked).toEqual([])
  })

  it('looks at what changed by what it shares with the other, and digests nothing for that', () => {
    const looked: string[] = []
    const before = snapshotOf(many(2000))
    const after = before.with([item('model/m5', { changed: true }), watchedItem('model/new', looked)])
    const untouched = looked.length
    expect(diff(after, before).map((one) => one.address)).toEqual(['model/m5', 'model/new'])
    // A new item is named, and is never digested into the subtree that it came to.
    expect(looked.length).toBe(untouched)
  })
})

function many(count: number): Item[] {
  return Array.from({ length: count }, (_, index) => item(`model/m${index}`, { index }))
}

function slowly(wanted: Snapshot, found: Snapshot): string[] {
  const lines: [string, string][] = []
  for (const one of wanted.items()) {
    const other = found.get(one.address)
    if (other === undefined) lines.push([one.address, 'absent'])
    else if (other.digest !== one.digest) lines.push([one.address, 'changed'])
  }
  for (const one of found.items()) if (!wanted.has(one.address)) lines.push([one.address, 'extra'])
  return lines.sort(([one], [other]) => (one < other ? -1 : 1)).map(([at, is]) => `${is} ${at}`)
}

/** An item that notes when its digest is read. */
function watchedItem(at: `model/${string}`, looked: string[]): Item {
  const plain = item(at, { watched: true })
  return {
    ...plain,
    get digest() {
      looked.push(at)
      return plain.digest
    },
  }
}
