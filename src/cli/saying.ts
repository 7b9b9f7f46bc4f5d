import { randomUUID } from 'node:crypto'
import { hostname, userInfo } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonObject } from '../core/model.ts'
import { type Tenure, takeTenure } from '../engine/tenure.ts'
import { answerTo, speak, type Taken, type Word } from '../engine/words.ts'
import type { Composed } from './compose/compose.ts'
import { LEASE_MILLISECONDS } from './protected.ts'
import type { Terminal } from './terminal.ts'

/** Time between two looks whether somebody has answered. */
const LOOK_MILLISECONDS = 200

/** A word by whoever runs this. */
export function wordOf(is: string, body: JsonObject = {}): Word {
  return { id: randomUUID(), is, by: personHere(), at: Date.now(), body }
}

export function personHere(): string {
  try {
    return `${userInfo().username} on ${hostname()}`
  } catch {
    // A container may run as a user that has no name.
    return hostname()
  }
}

interface Saying {
  readonly io: Terminal
  readonly signal: AbortSignal
  /** What is done here where nobody holds the lease. Default: what any holder does with the word. */
  here?(tenure: Tenure): Promise<Taken>
}

/**
 * Has a person's word taken up: here, under the lease, where nobody holds it; else it is left for whoever does, and
 * waited for. A holder that is gone is waited for no longer than its lease. Ctrl-C takes the word back.
 */
export async function say({ parts, holder }: Composed, word: Word, saying: Saying): Promise<Taken> {
  const { store, ledger, protection } = parts
  const { io, signal, here = (tenure: Tenure) => speak(parts, tenure, word) } = saying
  let left = false
  try {
    for (;;) {
      signal.throwIfAborted()
      const answered = left ? await answerTo(parts, word.id) : undefined
      if (answered !== undefined) return answered
      const tenure = await takeTenure({ store, ledger, protection, holder, leaseMilliseconds: LEASE_MILLISECONDS })
      if (!('held' in tenure)) return await hereAfter(tenure, { parts, word, left, here })
      if (!left) {
        await store.leave(protection, word)
        io.moving(`${tenure.held.holder} holds the lease: it is asked`)
      }
      left = true
      await sleep(LOOK_MILLISECONDS, undefined, { signal })
    }
  } finally {
    if (left) await store.withdraw(protection, word.id)
  }
}

async function hereAfter(
  tenure: Tenure,
  { parts, word, left, here }: Pick<Composed, 'parts'> & { word: Word; left: boolean } & Required<Pick<Saying, 'here'>>,
): Promise<Taken> {
  try {
    // Whoever held the lease may have answered with its last breath.
    const withdrawn = !left || (await parts.store.withdraw(parts.protection, word.id))
    const answered = withdrawn ? undefined : await answerTo(parts, word.id)
    return answered ?? (await here(tenure))
  } finally {
    await tenure.end()
  }
}
