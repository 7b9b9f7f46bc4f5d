import { describe, expect, it } from 'vitest'
import { fakeExchange, type Prepared, requestOf } from '../../test/support/fake-exchange.ts'
import { type VirtualTime, virtualTime } from '../../test/support/virtual-time.ts'
import type { AzureRequest, Exchange } from './exchange.ts'
import { ARM_LIMITS, throttled } from './throttle.ts'

const LIMITS = {
  reads: { burst: 10, perSecond: 2 },
  writes: { burst: 2, perSecond: 1 },
  deletes: { burst: 1, perSecond: 1 },
}

/** A throttle in a time of its own: waiting moves the clock. */
function throttleOf(...answers: readonly Prepared[]) {
  let now = 0
  const fake = fakeExchange(...answers)
  const exchange = throttled(fake.exchange, {
    limits: LIMITS,
    reserved: 0.2,
    now: () => now,
    pause: async (milliseconds) => {
      // As timers are: one for longer ends at once.
      if (milliseconds > 2 ** 31 - 1) throw new Error(`no timer takes ${milliseconds} ms`)
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

  it('counts reads, writes, deletes and every subscription apart', async () => {
    const { times } = throttleOf({})
    await times(8)
    expect(await times(2, { method: 'PUT' })).toBe(0)
    expect(await times(1, { method: 'DELETE' })).toBe(0)
    expect(await times(8, { url: 'https://management.azure.com/subscriptions/other/x' })).toBe(0)
  })

  it('stops everybody while Azure says that they are over the limit', async () => {
    const { exchange, times } = throttleOf({ status: 429, headers: { 'retry-after': '30' } }, { status: 200 })
    await exchange(requestOf())
    expect(await times(1, { lane: 'critical' })).toBe(30_000)
  })

  it('stops them for as long as Azure says, however long that is', async () => {
    const yearSeconds = 365 * 24 * 3600
    const headers = { 'retry-after': String(yearSeconds) }
    const { exchange, times } = throttleOf({ status: 429, headers }, { status: 200 })
    await exchange(requestOf())
    expect(await times(1)).toBe(yearSeconds * 1000)
  })
})

/** ARM's bucket of reads, to which others draw as well; it answers after 30 ms and remembers what it refused. */
function armIn(time: VirtualTime, others: number) {
  const { burst, perSecond } = ARM_LIMITS.limits.reads
  const signal = new AbortController().signal
  const asked = { all: 0, refused: 0 }
  let tokens = burst
  let at = time.clock()
  const arm: Exchange = async () => {
    await time.sleep(15, signal)
    const now = time.clock()
    tokens = Math.min(burst, tokens + ((now - at) / 1000) * (perSecond - others))
    at = now
    asked.all++
    const enough = tokens >= 1
    if (enough) tokens -= 1
    else asked.refused++
    const headers = { 'x-ms-ratelimit-remaining-subscription-reads': String(Math.floor(Math.max(0, tokens))) }
    await time.sleep(15, signal)
    return {
      status: enough ? 200 : 429,
      headers: enough ? headers : { ...headers, 'retry-after': '1' },
      body: undefined,
    }
  }
  return { arm, asked, permitted: (seconds: number) => burst + seconds * (perSecond - others) }
}

/** What 30 callers come to in two minutes, who ask without a pause. */
async function twoMinutes(others: number) {
  const time = virtualTime()
  const { arm, asked, permitted } = armIn(time, others)
  const exchange = throttled(arm, { ...ARM_LIMITS, now: time.clock, pause: time.sleep })
  let over = false
  const caller = async () => {
    while (!over) await exchange(requestOf({ signal: new AbortController().signal }))
  }
  for (let n = 0; n < 30; n++) void caller()
  await time.goOn(120_000)
  over = true
  return { ...asked, share: asked.all / permitted(120) }
}

describe('throttled by what ARM tells', () => {
  it('uses nearly all that is permitted and is never refused', async () => {
    const { refused, share } = await twoMinutes(0)
    expect(refused).toBe(0)
    expect(share).toBeGreaterThan(0.95)
  })

  it('leaves others what they use of the same bucket', async () => {
    const { refused, share } = await twoMinutes(15)
    expect(refused).toBe(0)
    expect(share).toBeGreaterThan(0.9)
  })

  it('goes on at once where more remains than is documented', async () => {
    const headers = { 'x-ms-ratelimit-remaining-subscription-reads': '11999' }
    const { times } = throttleOf({ headers })
    expect(await times(100)).toBe(0)
  })

  it('counts what all identities of the subscription may use together', async () => {
    const remaining = (own: string, global: string) => ({
      headers: {
        'x-ms-ratelimit-remaining-subscription-reads': own,
        'x-ms-ratelimit-remaining-subscription-global-reads': global,
      },
    })
    const { times } = throttleOf(remaining('9', '2'), {})
    await times(1)
    expect(await times(1)).toBe(500)
  })

  it('holds back no service that has no limit of its own and did not complain', async () => {
    const { times } = throttleOf({})
    expect(await times(100, { url: 'https://eastus2.api.azureml.ms/mlflow/v1.0/subscriptions/s/x' })).toBe(0)
  })
})
