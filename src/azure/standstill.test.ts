import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { watchStandstill } from './standstill.ts'

/** Holds the whole process up, as a stop does. */
function standStill(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

it('guards I1: lets what fell due while the process stood still happen first, whenever it is asked afterwards', async () => {
  const standstill = watchStandstill()
  const lease = new AbortController()
  const seen: boolean[] = []
  const asked: Promise<void>[] = []
  const ask = () => {
    asked.push(standstill.over().then(() => void seen.push(lease.signal.aborted)))
  }
  // Due before the end of the lease, and after the watch's own beat.
  setTimeout(ask, 50)
  setTimeout(ask, 290)
  setTimeout(() => lease.abort(), 300)
  standStill(600)
  ask()
  await sleep(100)
  await Promise.all(asked)
  standstill.end()
  expect(seen).toEqual([true, true, true])
})
