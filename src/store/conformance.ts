import { describe, expect, it } from 'vitest'
import type { JournalRecord, Lease, Store } from './store.ts'

/** What a suite needs to make a store of one kind misbehave on purpose. */
export interface StoreFixture {
  /** Two handles on one fresh, empty store, as two controllers would have them. */
  pair(): Promise<{ one: Store; two: Store }>
  /** Lets time pass for leases, without waiting. */
  pass(milliseconds: number): void
}

const MANY = 700

/** What every store must do. A new one is done when this passes. */
export function conforms(kind: string, fixture: StoreFixture): void {
  describe(`${kind} conforms as a store`, () => {
    it('gives a free lease once, and names the holder to the other', async () => {
      const { one, two } = await fixture.pair()
      const lease = await taken(one, 'a')
      const answer = await two.acquire('churn', 'b', 2000)
      expect(answer).toMatchObject({ held: { holder: 'a', epoch: lease.epoch } })
    })

    it('raises the epoch with every change of the holder', async () => {
      const { one, two } = await fixture.pair()
      const first = await taken(one, 'a')
      await one.release(first)
      const second = await taken(two, 'b')
      fixture.pass(5000)
      const third = await taken(one, 'a')
      expect([second.epoch, third.epoch]).toEqual([first.epoch + 1, first.epoch + 2])
    })

    it('says of a lease whether the one before ran out or was given back', async () => {
      const { one, two } = await fixture.pair()
      const first = await taken(one, 'a')
      fixture.pass(5000)
      const second = await taken(two, 'b')
      await two.release(second)
      const third = await taken(one, 'a')
      expect([first, second, third].map(({ outOf }) => outOf)).toEqual([undefined, 'a', undefined])
    })

    it('refuses records of a lease that ran out, and writes none of them', async () => {
      const { one } = await fixture.pair()
      const lease = await taken(one, 'a')
      fixture.pass(5000)
      await expect(one.append(lease, [record('x')])).rejects.toMatchObject({ code: 'run/fenced' })
      expect(await all(one)).toEqual([])
    })

    it('refuses records of a lease that another took since, even if its own time seems left', async () => {
      const { one, two } = await fixture.pair()
      const stale = await taken(one, 'a')
      fixture.pass(5000)
      const fresh = await taken(two, 'b')
      await two.append(fresh, [record('theirs')])
      await expect(one.append(stale, [record('ours')])).rejects.toMatchObject({ code: 'run/fenced' })
      await expect(one.renew(stale)).rejects.toMatchObject({ code: 'run/fenced' })
      await expect(one.setFact(stale, 'roles', {})).rejects.toMatchObject({ code: 'run/fenced' })
      expect((await all(one)).map((r) => r.type)).toEqual(['theirs'])
    })

    it('keeps a lease that is renewed', async () => {
      const { one, two } = await fixture.pair()
      const lease = await taken(one, 'a')
      fixture.pass(1500)
      await one.renew(lease)
      fixture.pass(1500)
      expect(await two.acquire('churn', 'b', 2000)).toHaveProperty('held')
      await one.append(lease, [record('still mine')])
    })

    it('does not let a released lease release the next one', async () => {
      const { one, two } = await fixture.pair()
      const first = await taken(one, 'a')
      await one.release(first)
      const second = await taken(two, 'b')
      await one.release(first)
      await two.append(second, [record('mine')])
    })

    it('numbers records without gaps and reads them in order to the last', async () => {
      const { one, two } = await fixture.pair()
      const lease = await taken(one, 'a')
      for (let n = 0; n < MANY; n += 100)
        await one.append(
          lease,
          Array.from({ length: 100 }, (_, m) => record(`t${n + m}`)),
        )
      const seen = await all(two)
      expect(seen.map((r) => r.seq)).toEqual(Array.from({ length: MANY }, (_, n) => n + 1))
      expect(seen.map((r) => r.type)).toEqual(Array.from({ length: MANY }, (_, n) => `t${n}`))
    })

    it('reads one run alone, and what came after a record', async () => {
      const { one } = await fixture.pair()
      const lease = await taken(one, 'a')
      await one.append(lease, [record('a1', 'a'), record('b1', 'b'), record('a2', 'a')])
      expect((await all(one, { run: 'a' })).map((r) => r.type)).toEqual(['a1', 'a2'])
      expect((await all(one, { after: 1 })).map((r) => r.type)).toEqual(['b1', 'a2'])
    })

    it('reads the records of one area alone', async () => {
      const { one } = await fixture.pair()
      const lease = await taken(one, 'a')
      await one.append(
        lease,
        ['step/begun', 'failover/begun', 'step/done', 'failover/ended', 'failovers/none'].map((type) => record(type)),
      )
      expect((await all(one, { typed: 'failover/' })).map((r) => r.type)).toEqual(['failover/begun', 'failover/ended'])
      expect((await all(one, { typed: 'failover/begun' })).map((r) => r.type)).toEqual(['failover/begun'])
      expect((await all(one, { typed: 'failover/', after: 2 })).map((r) => r.type)).toEqual(['failover/ended'])
    })

    it('gives the head of a journal, and the link at any place, which stand for all before', async () => {
      const { one, two } = await fixture.pair()
      expect(await one.head('churn')).toBeUndefined()
      const lease = await taken(one, 'a')
      await one.append(lease, [record('x'), record('y')])
      const head = await two.head('churn')
      expect(head).toMatchObject({ seq: 2 })
      await one.append(lease, [record('z')])
      expect(await two.head('churn', 2)).toEqual(head)
      expect((await two.head('churn'))?.chain).not.toBe(head?.chain)
      expect(await two.head('churn', 9)).toBeUndefined()
    })

    it('takes a word up once, with what it comes to, and only under the lease', async () => {
      const { one, two } = await fixture.pair()
      const word = (id: string) => ({ id, is: 'pause', by: 'ada', body: { why: 'x' } })
      for (const id of ['w2', 'w1', 'w2']) await two.leave('churn', word(id))
      expect(await one.words('churn')).toEqual([word('w2'), word('w1')])
      expect(await one.words('fraud')).toEqual([])
      const lease = await taken(one, 'a')
      expect(await one.answer(lease, 'w2', [record('pause/begun')])).toBe(true)
      expect(await one.answer(lease, 'w2', [record('pause/begun')])).toBe(false)
      expect(await two.withdraw('churn', 'w2')).toBe(false)
      expect((await all(two)).map((r) => r.type)).toEqual(['pause/begun'])
      fixture.pass(5000)
      await expect(one.answer(lease, 'w1', [record('late')])).rejects.toMatchObject({ code: 'run/fenced' })
      expect(await two.withdraw('churn', 'w1')).toBe(true)
      expect(await one.words('churn')).toEqual([])
    })

    it('keeps protections apart', async () => {
      const { one } = await fixture.pair()
      const lease = await taken(one, 'a')
      await one.append(lease, [record('here')])
      const other = await one.acquire('fraud', 'a', 2000)
      expect(other).toHaveProperty('epoch')
      expect(await all(one, {}, 'fraud')).toEqual([])
    })

    it('replaces a fact as a whole and knows none that was never set', async () => {
      const { one, two } = await fixture.pair()
      const lease = await taken(one, 'a')
      expect(await two.fact('churn', 'roles')).toBeUndefined()
      await one.setFact(lease, 'roles', { active: 'primary', more: 1 })
      await one.setFact(lease, 'roles', { active: 'secondary' })
      expect(await two.fact('churn', 'roles')).toEqual({ active: 'secondary' })
    })
  })
}

export async function taken(store: Store, holder: string, milliseconds = 2000): Promise<Lease> {
  const answer = await store.acquire('churn', holder, milliseconds)
  if ('held' in answer) throw new Error(`held by ${answer.held.holder}`)
  return answer
}

function record(type: string, run = 'r'): { run: string; type: string; body: { n: number } } {
  return { run, type, body: { n: 1 } }
}

export async function all(store: Store, options = {}, protection = 'churn'): Promise<JournalRecord[]> {
  const seen: JournalRecord[] = []
  for await (const one of store.read(protection, options)) seen.push(one)
  return seen
}
