import { describe, expect, it } from 'vitest'
import type { Refusal } from '../refusal.ts'
import { Limits } from './limits.ts'
import { AZURE_LIMITS, readLimits } from './table.ts'

const PATH = '/subscriptions/s/resourceGroups/g'

function call(method: string, path = PATH, id = 'me') {
  return { method, path, caller: { id }, operation: '' }
}

/** Limits on a clock that stands still until it is moved. */
function stopped(): { limits: Limits; wait(milliseconds: number): void } {
  let now = 0
  const wait = (milliseconds: number): void => {
    now += milliseconds
  }
  return { limits: new Limits(() => now), wait }
}

function refusal(work: () => unknown): Refusal {
  try {
    work()
  } catch (thrown) {
    return thrown as Refusal
  }
  throw new Error('It was let in.')
}

describe('ARM’s limits', () => {
  it('let in a full bucket at once, then what its rate refills', () => {
    const { limits, wait } = stopped()
    limits.set(AZURE_LIMITS)
    for (let read = 0; read < 250; read++) limits.arm(call('GET'))
    const { status, code, message, headers } = refusal(() => limits.arm(call('GET')))
    expect([status, code]).toEqual([429, 'SubscriptionRequestsThrottled'])
    expect(message).toContain("Number of 'read' requests for subscription 's' actor 'me' exceeded.")
    expect(headers).toMatchObject({ 'retry-after': '1', 'x-ms-ratelimit-remaining-subscription-reads': '0' })
    wait(1000)
    for (let read = 0; read < 25; read++) limits.arm(call('GET'))
    expect(() => limits.arm(call('GET'))).toThrow('exceeded')
  })

  it('count reads, writes and deletes apart, and each principal, subscription and the tenant apart', () => {
    const { limits } = stopped()
    limits.set(readLimits({ reads: { burst: 1, perSecond: 1 }, writes: { burst: 2, perSecond: 1 } }))
    expect(limits.arm(call('GET'))).toEqual({
      'x-ms-ratelimit-remaining-subscription-reads': '0',
      'x-ms-ratelimit-remaining-subscription-global-reads': '14',
    })
    expect(limits.arm(call('POST'))['x-ms-ratelimit-remaining-subscription-writes']).toBe('1')
    expect(limits.arm(call('DELETE'))['x-ms-ratelimit-remaining-subscription-deletes']).toBe('199')
    expect(limits.arm(call('GET', PATH, 'you'))['x-ms-ratelimit-remaining-subscription-global-reads']).toBe('13')
    expect(limits.arm(call('GET', '/subscriptions/other'))).toBeDefined()
    expect(limits.arm(call('GET', '/tenants'))['x-ms-ratelimit-remaining-tenant-reads']).toBe('0')
    expect(refusal(() => limits.arm(call('GET', '/tenants'))).code).toBe('TenantRequestsThrottled')
  })

  it('let a whole subscription use fifteen principals’ worth', () => {
    const { limits } = stopped()
    limits.set(readLimits({ reads: { burst: 2, perSecond: 1 } }))
    const inAll = Array.from({ length: 20 }, (_, one) => `p${one}`).flatMap((id) => [id, id])
    const letIn = inAll.filter((id) => {
      try {
        return limits.arm(call('GET', PATH, id)) !== undefined
      } catch {
        return false
      }
    })
    expect(letIn).toHaveLength(30)
  })

  it('that are not in force say what a full bucket would', () => {
    const { limits } = stopped()
    for (let read = 0; read < 500; read++) limits.arm(call('GET'))
    expect(limits.arm(call('GET'))['x-ms-ratelimit-remaining-subscription-reads']).toBe('249')
  })
})

describe('limits of tracking', () => {
  it('are for one workspace, with batches and searches apart from the rest', () => {
    const { limits, wait } = stopped()
    limits.set(readLimits({ logBatch: { burst: 1, perSecond: 47 }, searchRuns: { burst: 1, perSecond: 7 } }))
    const at = (operation: string, workspace = 'w') => ({ ...call('POST', `/x/workspaces/${workspace}/y`), operation })
    limits.tracking(at('logBatch'))
    limits.tracking(at('logBatch', 'other'))
    limits.tracking(at('searchRuns'))
    for (let times = 0; times < 100; times++) limits.tracking(at('getRun'))
    expect(refusal(() => limits.tracking(at('logBatch')))).toMatchObject({ status: 429, code: 'TooManyRequests' })
    wait(1000 / 47)
    limits.tracking(at('logBatch'))
    expect(() => limits.tracking(at('searchRuns'))).toThrow('Too many calls of searchRuns')
  })
})

describe('readLimits', () => {
  it.each([
    ['fast', '`azure`, `none`, or an object'],
    [{ gets: { burst: 1, perSecond: 1 } }, '`gets` is no limit; there are reads, writes,'],
    [{ reads: { burst: 0, perSecond: 1 } }, '`reads` needs `burst`, at least 1'],
    [{ reads: 7 }, '`reads` needs `burst`'],
  ])('refuses %j with the reason', (given, reason) => {
    expect(() => readLimits(given)).toThrow(reason)
  })

  it('knows Azure’s and none', () => {
    expect([readLimits('none'), readLimits('azure')]).toEqual([{}, AZURE_LIMITS])
  })
})
