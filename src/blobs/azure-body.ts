import type { Readable } from 'node:stream'
import { type Asked, storageFault } from './azure-faults.ts'

/** A body that brings nothing for so long, while somebody waits for it, is one that hangs. */
const IDLE_MILLISECONDS = 60_000

/** The body to its last byte, or a fault: never a short one, never one that hangs. Whoever reads it may take their time. */
export function whole(body: Readable, length: number, asked: Asked): AsyncIterable<Buffer> {
  // Who reads it hears of a failure; until somebody does nobody would, and that would end the process.
  body.on('error', () => undefined)
  return read(body, length, asked)
}

async function* read(body: Readable, length: number, asked: Asked): AsyncIterable<Buffer> {
  const hangs = () => body.destroy(new Error(`no byte for ${IDLE_MILLISECONDS} ms`))
  let got = 0
  let idle = setTimeout(hangs, IDLE_MILLISECONDS)
  try {
    for await (const chunk of body) {
      clearTimeout(idle)
      got += (chunk as Buffer).length
      yield chunk as Buffer
      idle = setTimeout(hangs, IDLE_MILLISECONDS)
    }
    if (got !== length) throw new Error(`the body ended after ${got} of ${length} bytes`)
  } catch (thrown) {
    throw storageFault(asked, thrown)
  } finally {
    clearTimeout(idle)
    body.destroy()
  }
}
