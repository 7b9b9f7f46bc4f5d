import { request } from 'node:http'
import { expect, it } from 'vitest'
import { bearSecondErrors } from './second-errors.ts'

/** A request whose first error is heard, as the vendor's client hears it, and that then fails once more. */
function failedTwice(): void {
  const asked = request({ host: '127.0.0.1', port: 1 }).once('error', () => undefined)
  asked.emit('error', new Error('refused the write'))
  try {
    asked.emit('error', new Error('hung up'))
  } finally {
    asked.on('error', () => undefined).destroy()
  }
}

it('bears that a request fails a second time, for as long as that is wanted', () => {
  const end = bearSecondErrors()
  failedTwice()
  end()
  expect(failedTwice).toThrow('hung up')
})
