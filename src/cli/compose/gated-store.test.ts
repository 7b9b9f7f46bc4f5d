import { expect, it } from 'vitest'
import { gateClock } from '../../azure/gate.ts'
import type { Store } from '../../store/store.ts'
import { gatedStore } from './gated-store.ts'

/** A store that grants every lease, and a gate that notes what it is told. */
function made() {
  const told: string[] = []
  const opened: number[] = []
  const lease = { protection: 'churn', holder: 'a', epoch: 1, milliseconds: 400 }
  const store: Partial<Store> = {
    acquire: async (_, holder) => {
      return holder === 'late' ? { held: { holder: 'a', epoch: 1, remainingMilliseconds: 1 } } : lease
    },
    renew: async ({ epoch }) => {
      await new Promise((resolve) => setTimeout(resolve, 60))
      if (epoch !== 1) throw new Error('another has it')
    },
    release: async () => undefined,
  }
  const gate = {
    prepare: () => void told.push('prepare'),
    open: (until: number) => {
      told.push('open')
      opened.push(until)
    },
    leave: () => void told.push('leave'),
  }
  return { store: gatedStore(store as Store, gate), lease, told, opened }
}

it('guards I1: opens the gate for three quarters of a lease from before each renewal, and leaves it shut after one that ran out', async () => {
  const { store, lease, told, opened } = made()
  const before = gateClock()
  await store.acquire('churn', 'a', 400)
  expect(told).toEqual(['open'])
  expect(opened[0]).toBeGreaterThanOrEqual(before + 300)
  expect(opened[0]).toBeLessThanOrEqual(gateClock() + 300)
  const sent = gateClock()
  await store.renew(lease)
  expect(opened[1]).toBeLessThan(sent + 350)
  while (gateClock() < (opened[1] ?? 0)) await new Promise((resolve) => setTimeout(resolve, 20))
  await store.release(lease)
  expect(told.at(-1)).toBe('open')
})

it('has the gate ready for whoever waits, and starts none for what may need none', async () => {
  const { store, told } = made()
  await store.acquire('churn', 'a', 400)
  expect(told).not.toContain('prepare')
  await store.acquire('churn', 'late', 400)
  expect(told.at(-1)).toBe('prepare')
})

it('guards I1: opens nothing for a lease that another holds or has taken since', async () => {
  const { store, lease, opened } = made()
  await store.acquire('churn', 'late', 400)
  await expect(store.renew({ ...lease, epoch: 0 })).rejects.toThrow('another has it')
  expect(opened).toEqual([])
})

it('leaves the gate with a lease that is given back while it lasts', async () => {
  const { store, lease, told } = made()
  await store.acquire('churn', 'a', 60_000)
  await store.renew(lease)
  await store.release(lease)
  expect(told.at(-1)).toBe('leave')
})
