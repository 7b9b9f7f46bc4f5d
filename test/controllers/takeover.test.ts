import { afterAll, beforeAll, expect, it } from 'vitest'
import { JOB, leaseOf, openPair, type Pair, until } from './pair.ts'

let pair: Pair
beforeAll(async () => {
  pair = await openPair({ lease: 9000, call: 3000, tick: 200 })
}, 120_000)
afterAll(() => pair.end())

/** Requests that the only fault with `times` has met. */
async function met(): Promise<number> {
  const answer = await fetch(`${pair.emulator.control}/emulator/faults`)
  const { met: counts } = (await answer.json()) as { met: Record<string, number> }
  return Object.values(counts).reduce((sum, one) => sum + one, 0)
}

it('guards I2: a failover whose controller is killed while a job is being submitted is carried on by the other, under its id and names, and the job is submitted once', {
  timeout: 120_000,
}, async () => {
  const both = [await pair.controller('one'), await pair.controller('two')]
  const fault = { is: 'held-answer', at: 'centralus', route: 'PUT **/jobs/*', times: 1 }
  await pair.emulator.faults([fault])
  await pair.emulator.region('eastus2', 'kill')
  await until('the submission is done and unanswered', async () => ((await met()) > 0 ? true : undefined))
  // Where the lease is taken anew for the failover, either may have it.
  const { pid } = leaseOf(pair)
  const active = both.find(({ child }) => child.pid === pid)
  active?.child.kill('SIGKILL')
  const before = await pair.journal('failover/')
  const [ended] = await until('the failover ends', async () => {
    const found = await pair.journal('failover/ended')
    return found.length > 0 ? found : undefined
  })

  const records = await pair.journal('failover/')
  const [begun] = records.filter(({ type }) => type === 'failover/begun')
  expect(new Set(records.map(({ run }) => run))).toEqual(new Set([begun?.run]))
  expect(ended).toMatchObject({ run: begun?.run, body: { outcome: 'done' } })
  // It was another that went on, in the phase in which the first was killed.
  const taken = before.at(-1)
  expect(taken).toMatchObject({ type: 'failover/phase-begun', body: { phase: 'resubmit' } })
  expect(records[before.length]).toMatchObject({ type: 'failover/phase-begun', body: { phase: 'resubmit' } })
  expect(records[before.length]?.epoch).toBe((taken?.epoch ?? 0) + 1)

  const name = `${JOB}-${begun?.run}`
  const planned = await pair.journal('resubmit/planned')
  expect(planned).toHaveLength(1)
  expect(planned[0]?.body['choices']).toMatchObject([{ do: 'submit', name: JOB, newName: name }])
  const sent = (await pair.emulator.activity('centralus')).filter(
    ({ method, target }) => method === 'PUT' && /\/jobs\/[^/?]+(\?|$)/.test(target),
  )
  expect(sent.map(({ target, client }) => [target.split('?')[0]?.split('/').at(-1), client])).toEqual([
    [name, active?.name],
  ])
})
