import { describe, expect, it } from 'vitest'
import { runSchedule } from './schedule.ts'

const never = () => false

describe('a schedule', () => {
  it('does everything after what it waits for', async () => {
    const order: number[] = []
    const ends = await runSchedule({ waits: [[1, 2], [2], []], limit: 8, cancelled: never }, async (index) => {
      await Promise.resolve()
      order.push(index)
      return true
    })
    expect(order).toEqual([2, 1, 0])
    expect(ends).toEqual(['succeeded', 'succeeded', 'succeeded'])
  })

  it('skips only what waits for a failure', async () => {
    const ends = await runSchedule(
      { waits: [[], [0], [1], []], limit: 1, cancelled: never },
      async (index) => index !== 0,
    )
    expect(ends).toEqual(['failed', 'skipped', 'skipped', 'succeeded'])
  })

  it('keeps to its limit', async () => {
    let [now, most] = [0, 0]
    await runSchedule({ waits: Array.from({ length: 9 }, () => []), limit: 3, cancelled: never }, async () => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setImmediate(resolve))
      now--
      return true
    })
    expect(most).toBe(3)
  })

  it('begins nothing more once cancelled', async () => {
    let cancelled = false
    const ends = await runSchedule({ waits: [[], [0]], limit: 8, cancelled: () => cancelled }, async () => {
      cancelled = true
      return true
    })
    expect(ends).toEqual(['succeeded', 'skipped'])
  })

  it('throws a defect on, after everything under way has ended', async () => {
    let other = false
    const running = runSchedule({ waits: [[], []], limit: 8, cancelled: never }, async (index) => {
      if (index === 0) throw new Error('defect')
      await new Promise((resolve) => setImmediate(resolve))
      other = true
      return true
    })
    await expect(running).rejects.toThrow('defect')
    expect(other).toBe(true)
  })
})
