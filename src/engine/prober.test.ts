import { expect, it } from 'vitest'
import { type Prober, type Question, startProber } from './prober.ts'

const answering: Question = { side: 'primary', plane: 'control', ask: async () => ({ sourceTime: 42 }) }
const refusing: Question = {
  side: 'primary',
  plane: 'data',
  ask: () => Promise.reject(new Error('connection refused')),
}
const hanging: Question = {
  side: 'secondary',
  plane: 'history',
  ask: (signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
}
const reached = async () => undefined

async function oneRound(prober: Prober) {
  await prober.first
  const found = prober.findings()
  prober.stop()
  return found
}

it('tells what answered, what refused and what hung, each with its age', async () => {
  const options = {
    questions: [answering, refusing, hanging],
    selfCheck: reached,
    everyMilliseconds: 60_000,
    timeoutMilliseconds: 50,
  }
  const found = await oneRound(startProber(options))
  expect(found.map(({ plane, result }) => [plane, result])).toEqual([
    ['control', 'ok'],
    ['data', 'failed'],
    ['history', 'failed'],
  ])
  expect(found[0]?.sourceTime).toBe(42)
  expect(found.every(({ ageMilliseconds, selfCheck }) => ageMilliseconds >= 0 && selfCheck)).toBe(true)
})

it('says of itself that it could not reach the outside either', async () => {
  const selfCheck = () => Promise.reject(new Error('no network'))
  const found = await oneRound(
    startProber({ questions: [refusing], selfCheck, everyMilliseconds: 60_000, timeoutMilliseconds: 50 }),
  )
  expect(found).toMatchObject([{ result: 'failed', selfCheck: false }])
})

it('lets an answer grow old rather than repeat it when rounds stop', async () => {
  let now = 0
  const prober = startProber({
    questions: [answering],
    selfCheck: reached,
    everyMilliseconds: 60_000,
    timeoutMilliseconds: 50,
    clock: () => now,
  })
  await prober.first
  prober.stop()
  now = 9000
  expect(prober.findings()).toMatchObject([{ ageMilliseconds: 9000 }])
})
