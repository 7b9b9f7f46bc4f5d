import { type Gate, gateClock } from '../../azure/gate.ts'
import type { Lease, Store } from '../../store/store.ts'

/** The part of a lease, at its end, in which nothing more may set out: it is for what is on its way. */
const LAST_PART = 1 / 4

/**
 * A store whose leases open the gate to Azure, each time for as long as they are sure to last.
 *
 * A lease is reckoned from before it was asked for, so that the gate closes here before it is over there.
 */
export function gatedStore(store: Store, gate: Pick<Gate, 'prepare' | 'open' | 'leave'>): Store {
  let until = 0
  const opened = (asked: number, { milliseconds }: Lease) => {
    until = asked + milliseconds * (1 - LAST_PART)
    gate.open(until)
  }
  return {
    ...store,
    acquire: async (protection, holder, milliseconds) => {
      const asked = gateClock()
      const answer = await store.acquire(protection, holder, milliseconds)
      // Who waits for a lease may have to act as soon as it comes.
      if ('held' in answer) gate.prepare()
      else opened(asked, answer)
      return answer
    },
    renew: async (lease) => {
      const asked = gateClock()
      await store.renew(lease)
      opened(asked, lease)
    },
    release: async (lease) => {
      // After a lease that ran out the gate stays shut until there is another.
      if (gateClock() < until) gate.leave()
      await store.release(lease)
    },
  }
}
