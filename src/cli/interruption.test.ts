import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { Fault } from '../core/errors.ts'
import { endUnread, interruptible } from './interruption.ts'
import { terminal } from './terminal.ts'

const nowhere = () => new PassThrough().resume() as unknown as NodeJS.WriteStream
const io = terminal({ out: nowhere(), err: nowhere() })

/** Waits until it is told to end, and breaks off with something else. */
const breakingOff = (thrown: unknown) => (signal: AbortSignal) =>
  new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(thrown)))

it('is told to end where nobody reads any more what it says, and ends with that reason, whatever broke off first', async () => {
  expect(endUnread()).toBe(false)
  const ended = expect(interruptible(io, breakingOff(new Error('a wait broke off')))).rejects.toMatchObject({
    code: 'run/interrupted',
    hint: 'Run it again: it goes on where it was.',
  })
  expect(endUnread()).toBe(true)
  expect(endUnread()).toBe(true)
  await ended
  expect(endUnread()).toBe(false)
})

it('says who goes on with it, where what was ended knows', async () => {
  const other = new Fault('run/interrupted', 'a/1 carries it on', { hint: 'Follow it again.' })
  const ended = expect(interruptible(io, breakingOff(other))).rejects.toBe(other)
  endUnread()
  await ended
})

it('ends with what went wrong where nobody told it to', async () => {
  const wrong = new Error('wrong')
  await expect(interruptible(io, () => Promise.reject(wrong))).rejects.toBe(wrong)
})
