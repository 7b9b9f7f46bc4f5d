import { describe, expect, it } from 'vitest'
import { fakeExchange, type Prepared, requestOf } from '../../test/support/fake-exchange.ts'
import type { AzureRequest } from './exchange.ts'
import { throttled } from './throttle.ts'

/** A throttle in a time of its own: waiting moves the clock. */
function throttleOf(...answers: readonly Prepared[]) {
  let now = 0
  const fake = fakeExchange(...answers)
  const exchange = throttled(fake.exchange, {
    read: { burst: 10, perSecond: 2 },
    write: { burst: 2, perSecond: 1 },
    reserved: 0.2,
    now: () => now,
    pause: async (milliseconds) => {
      now += milliseconds
    },
  })
  const times = async (count: number, more: Partial<AzureRequest> = {}) => {
    const from = now
    for (let n = 0; n < count; n++) await exchange(requestOf(more))
    return now - from
  }
  return { exchange, times, now: () => now }
}

describe('throttled', () => {
  it('lets a burst through and then so many a second', async () => {
    const { times } = throttleOf({})
    expect(await times(8)).toBe(0)
    expect(await times(4)).toBe(2000)
  })

  it('keeps a part for failovers', async () => {
    const { times } = throttleOf({})
    await times(8)
    expect(await times(2, { lane: 'critical' })).toBe(0)
    expect(await times(1, { lane: 'critical' })).toBe(500)
  })

  it('counts reads and writes, and every subscription, apart', async () => {
    const { times } = throttleOf({})
    await times(8)
    expect(await times(2, { method: 'PUT' })).toBe(0)
    expect(await times(8, { url: 'https://management.azure.com/subscriptions/other/x' })).toBe(0)
  })

  it('stops everybody while Azure says that they are over the limit', async () => {
    const { exchange, times } = throttleOf({ status: 429, headers: { 'retry-after': '30' } }, { status: 200 })
    await exchange(requestOf())
    expect(await times(1, { lane: 'critical' })).toBe(30_000)
  })
})
