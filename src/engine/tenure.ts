import { Fault } from '../core/errors.ts'
import type { JsonObject } from '../core/model.ts'
import type { Ledger } from '../store/ledger.ts'
import type { HeldBy, JournalRecord, Lease, Store } from '../store/store.ts'
import { type Monotonic, processTime, type Time } from './time.ts'

/** The time in which this process may act, kept alive by renewing its lease. */
export interface Tenure {
  readonly lease: Lease
  /** Aborts the moment the lease can no longer be relied on, or is given up. Hand it to everything that acts. */
  readonly signal: AbortSignal
  /** Throws `run/fenced` unless the lease outlasts an effect of at most so many milliseconds. Ask before each effect. */
  demand(effectMilliseconds: number): void
  /** Appends to the journal under the lease. */
  append(
    run: string,
    ...records: readonly { readonly type: string; readonly body: JsonObject }[]
  ): Promise<readonly JournalRecord[]>
  setFact(name: string, value: JsonObject): Promise<void>
  /** Stops renewing and gives the lease up. */
  end(): Promise<void>
}

export interface TenureOptions {
  readonly store: Store
  readonly ledger: Pick<Ledger, 'begin'>
  readonly protection: string
  /** Names the process for people: host and process id. */
  readonly holder: string
  /** How long a dead holder keeps others waiting. */
  readonly leaseMilliseconds: number
  readonly clock?: Monotonic
  readonly every?: Time['every']
}

/** So often is a lease renewed in its time, that an effect which takes a third of it still may begin after three that failed or were late. */
const RENEWALS = 6

/**
 * Takes the lease and keeps it, or says who has it. Whoever had it before writes nothing to the ledger any more.
 *
 * The end of the lease is reckoned from before each renewal was sent, on this process's monotonic clock:
 * it ends here no later than in the store. A process that was stopped for longer finds itself fenced.
 */
export async function takeTenure(options: TenureOptions): Promise<Tenure | { readonly held: HeldBy }> {
  const { store, protection, holder, leaseMilliseconds, clock = processTime.clock, every = processTime.every } = options
  const asked = clock()
  const answer = await store.acquire(protection, holder, leaseMilliseconds)
  if ('held' in answer) return answer
  const lease = answer
  await beginWriting(options, lease)
  const ending = new AbortController()
  let until = asked + leaseMilliseconds
  let ended = false

  function fence(cause?: unknown): void {
    if (ending.signal.aborted) return
    stopRenewing()
    ending.abort(
      new Fault('run/fenced', `${holder} no longer holds the lease of ${protection} (epoch ${lease.epoch})`, {
        facts: { epoch: lease.epoch },
        hint: 'Nothing to do: whoever holds the lease goes on from the journal.',
        cause,
      }),
    )
  }

  async function renew(): Promise<void> {
    const sent = clock()
    try {
      await store.renew(lease)
      until = sent + leaseMilliseconds
    } catch (thrown) {
      if ((thrown as { code?: unknown }).code === 'run/fenced' || clock() >= until) fence(thrown)
    }
  }

  const stopRenewing = every(leaseMilliseconds / RENEWALS, () => void (clock() >= until ? fence() : renew()))

  function demand(effectMilliseconds: number): void {
    if (ended || clock() >= until) fence()
    ending.signal.throwIfAborted()
    if (clock() + effectMilliseconds < until) return
    throw new Fault(
      'run/fenced',
      `The lease of ${protection} ends before an effect of ${effectMilliseconds} ms could`,
      {
        facts: { epoch: lease.epoch, effectMilliseconds },
        hint: 'Make the lease at least three times as long as the longest time-out of a call.',
      },
    )
  }

  return {
    lease,
    signal: ending.signal,
    demand,
    append: (run, ...records) =>
      store.append(
        lease,
        records.map((one) => ({ run, ...one })),
      ),
    setFact: (name, value) => store.setFact(lease, name, value),
    end: async () => {
      if (ended) return
      ended = true
      fence()
      await store.release(lease)
    },
  }
}

async function beginWriting({ store, ledger }: TenureOptions, lease: Lease): Promise<void> {
  try {
    if (await ledger.begin(lease)) return
    // Another has taken the lease since, and this throws; or the store is a copy that was put back.
    await store.renew(lease)
    await ledger.begin(lease, true)
  } catch (thrown) {
    await store.release(lease)
    throw thrown
  }
}
