import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Address, Item } from './model.ts'
import { emptySnapshot, item, type Snapshot, snapshotOf, withKind } from './snapshot.ts'

function many(count: number, value = 0): Item[] {
  return Array.from({ length: count }, (_, index) => item(`model/m${index}`, { index, value }))
}

function addresses(snapshot: Snapshot): Address[] {
  return [...snapshot.items()].map((one) => one.address)
}

describe('a snapshot', () => {
  it('finds every item it was given, and no other', () => {
    const snapshot = snapshotOf(many(5000))
    expect(snapshot.size).toBe(5000)
    for (const one of many(5000)) expect(snapshot.get(one.address)).toEqual(one)
    expect(snapshot.get('model/m5000')).toBeUndefined()
    expect(snapshot.has('data/m1')).toBe(false)
  })

  it('takes the last of two items with one address', () => {
    const snapshot = snapshotOf([item('model/a', { v: 1 }), item('model/a', { v: 2 })])
    expect(snapshot.size).toBe(1)
    expect(snapshot.get('model/a')?.body).toEqual({ v: 2 })
  })

  it('is not changed by what is made from it', () => {
    const before = snapshotOf(many(100))
    const digest = before.digest
    before.with([item('model/m1', { changed: true })])
    before.without(['model/m2'])
    expect(before.digest).toBe(digest)
    expect(before.get('model/m1')?.body).toEqual({ index: 1, value: 0 })
  })

  it('has the digest and the order that follow from its items, whatever its history', () => {
    const edit = fc.record({ at: fc.nat({ max: 60 }), value: fc.nat({ max: 2 }), remove: fc.boolean() })
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 200 }), (edits) => {
        const end = new Map<Address, Item>()
        let snapshot = emptySnapshot()
        for (const { at, value, remove } of edits) {
          const one = item(`${at % 2 === 0 ? 'model' : 'data'}/n${at}`, { value })
          snapshot = remove ? snapshot.without([one.address]) : snapshot.with([one])
          if (remove) end.delete(one.address)
          else end.set(one.address, one)
        }
        const direct = snapshotOf(end.values())
        expect(snapshot.digest).toBe(direct.digest)
        expect(snapshot.size).toBe(end.size)
        expect(snapshot.kinds).toEqual(direct.kinds)
        expect(addresses(snapshot)).toEqual(addresses(direct))
      }),
    )
  })

  it('has another digest when one body, one address or one item differs', () => {
    const base = snapshotOf(many(300))
    const others = [
      base.with([item('model/m7', { other: true })]),
      base.without(['model/m7']),
      base.with([item('model/new', {})]),
      base.without(['model/m7']).with([item('model/m7b', { index: 7, value: 0 })]),
    ]
    expect(new Set([base, ...others].map((one) => one.digest)).size).toBe(5)
  })

  it('is as large and the same when it grew by one item at a time', () => {
    let grown = emptySnapshot()
    for (const one of many(600)) grown = grown.with([one])
    for (const one of many(600).slice(300)) grown = grown.with([item(one.address, { changed: true })])
    const whole = snapshotOf([
      ...many(300),
      ...many(600)
        .slice(300)
        .map((one) => item(one.address, { changed: true })),
    ])
    expect([grown.size, grown.digest]).toEqual([600, whole.digest])
    const rest = grown.without(
      many(600)
        .slice(5)
        .map((one) => one.address),
    )
    expect([rest.size, rest.digest]).toEqual([5, snapshotOf(many(5)).digest])
  })

  it('shares every subtree that a change does not touch', () => {
    const before = snapshotOf(many(10_000))
    const after = before.with([item('model/m1', { changed: true })])
    const shared = childrenOf(before).filter((child, index) => child === childrenOf(after)[index])
    expect(shared.length).toBe(15)
  })

  it('is the same structure when an equal listing is stored over it', () => {
    const before = snapshotOf(many(1000))
    expect(before.with(many(1000)).root('model')).toBe(before.root('model'))
  })

  it('takes over a changed need or position even where the body is the same', () => {
    const before = snapshotOf([item('model/a', {}, [], 1)])
    const after = before.with([item('model/a', {}, ['data/x'], 2)])
    expect(after.get('model/a')).toMatchObject({ needs: ['data/x'], order: 2 })
  })

  it('replaces one kind by a fresh listing and leaves the others', () => {
    const before = snapshotOf([...many(50), item('data/d', {})])
    const after = withKind(before, 'model', many(20, 1))
    expect(after.size).toBe(21)
    expect(after.get('model/m3')?.body).toEqual({ index: 3, value: 1 })
    expect(after.has('data/d')).toBe(true)
  })
})

function childrenOf(snapshot: Snapshot): readonly unknown[] {
  const root = snapshot.root('model')
  return root !== undefined && 'children' in root ? root.children : []
}
