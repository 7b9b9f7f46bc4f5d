import { describe, expect, it } from 'vitest'
import { fakeExchange, type Prepared, requestOf } from '../../test/support/fake-exchange.ts'
import { Fault } from '../core/errors.ts'
import { retrying } from './retry.ts'

const unreachable = new Fault('azure/unreachable', 'no answer', { facts: { cause: 'ECONNRESET' } })
const tooLong = new Fault('azure/unreachable', 'no answer', { facts: { cause: 'TIMEOUT' } })

function tried(...answers: readonly Prepared[]) {
  const fake = fakeExchange(...answers)
  const waits: number[] = []
  const exchange = retrying(fake.exchange, {
    pause: async (milliseconds) => void waits.push(milliseconds),
    random: () => 0.5,
  })
  return { exchange, waits, asked: fake.asked }
}

describe('retrying', () => {
  it('waits as long as Azure says, and tells the answer', async () => {
    const { exchange, waits } = tried({ status: 429, headers: { 'retry-after': '7' } }, { status: 200 })
    expect((await exchange(requestOf())).status).toBe(200)
    expect(waits).toEqual([7000])
  })

  it('does not wait longer than the caller would', async () => {
    const { exchange, waits, asked } = tried({ status: 429, headers: { 'retry-after': '3600' } })
    expect((await exchange(requestOf())).status).toBe(429)
    expect([waits.length, asked.length]).toEqual([0, 1])
  })

  it('waits longer each time for a service that fails, and gives up with its answer', async () => {
    const { exchange, waits, asked } = tried({ status: 503 })
    expect((await exchange(requestOf())).status).toBe(503)
    expect(waits).toEqual([150, 300, 600])
    expect(asked).toHaveLength(4)
  })

  it('tries a broken connection once more, at once', async () => {
    const again = tried(unreachable, { status: 200 })
    expect((await again.exchange(requestOf())).status).toBe(200)
    const gone = tried(unreachable)
    await expect(gone.exchange(requestOf())).rejects.toBe(unreachable)
    expect([gone.asked.length, gone.waits.length]).toEqual([2, 0])
  })

  it('does not ask again what took its whole time', async () => {
    const { exchange, asked } = tried(tooLong)
    await expect(exchange(requestOf())).rejects.toBe(tooLong)
    expect(asked).toHaveLength(1)
  })

  it('sends once what takes effect by being sent, unless it was turned away before', async () => {
    for (const answer of [unreachable, { status: 500 }]) {
      const { exchange, asked } = tried(answer)
      await exchange(requestOf({ method: 'PUT', once: true })).catch(() => undefined)
      expect(asked).toHaveLength(1)
    }
    const { exchange, asked } = tried({ status: 429 }, { status: 201 })
    expect((await exchange(requestOf({ method: 'PUT', once: true }))).status).toBe(201)
    expect(asked).toHaveLength(2)
  })

  it('gives a refusal on at once', async () => {
    const { exchange, asked } = tried({ status: 409 })
    expect((await exchange(requestOf())).status).toBe(409)
    expect(asked).toHaveLength(1)
  })
})
