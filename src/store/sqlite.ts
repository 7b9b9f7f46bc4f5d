import { HeadFiles } from './head-file.ts'
import { hostClock, type MonotonicClock } from './monotonic.ts'
import { factsIn, wordsIn } from './sqlite-facts.ts'
import { SqliteFile } from './sqlite-file.ts'
import { journalsIn } from './sqlite-journal.ts'
import { leasesIn } from './sqlite-leases.ts'
import { SCHEMA, upgrade } from './sqlite-schema.ts'
import type { Store } from './store.ts'

const RESTORED = 'Put back a copy of the store with its head. Nothing makes a journal anew.'

/**
 * A store in one SQLite file, for controllers on one host.
 *
 * Leases run on the host's monotonic clock, so no change of the date prolongs or ends one. Each record
 * carries a hash over itself and the record before, so that a change of any of them is found on reading; leases, facts
 * and words carry sums of their own. How far each journal has come is kept in a file beside it, so that one whose end
 * is gone is refused.
 */
export function openSqliteStore(path: string, clock: MonotonicClock = hostClock): Store {
  const heads = path === ':memory:' ? undefined : new HeadFiles(path)
  const file = new SqliteFile(path, SCHEMA, RESTORED)
  const leases = leasesIn(file, clock)
  const journals = journalsIn(file, heads)
  const words = wordsIn(file)
  const close = () => {
    heads?.close()
    file.close()
  }
  try {
    upgrade(file, path)
    journals.demandHeads()
  } catch (thrown) {
    close()
    throw thrown
  }
  return {
    ...factsIn(file, leases),
    leave: words.leave,
    words: words.words,
    withdraw: words.withdraw,
    acquire: async (protection, holder, milliseconds) => leases.acquire(protection, holder, milliseconds),
    renew: async (lease) => leases.renew(lease),
    release: async (lease) => leases.release(lease),
    head: async (protection, at) => journals.head(protection, at),
    read: journals.read,
    append: async (lease, records) => {
      const added = file.transaction(() => {
        leases.demand(lease)
        return journals.add(lease, records)
      })
      journals.keepHead(lease.protection)
      return added
    },
    answer: async (lease, word, records) => {
      const taken = file.transaction(() => {
        leases.demand(lease)
        if (!words.take(lease.protection, word)) return false
        journals.add(lease, records)
        return true
      })
      if (taken) journals.keepHead(lease.protection)
      return taken
    },
    close: async () => close(),
  }
}
