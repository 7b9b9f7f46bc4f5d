import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../core/errors.ts'
import type { Side } from '../core/model.ts'
import type { Phase } from '../core/phases.ts'
import { carryOut } from '../engine/failover.ts'
import { notifying } from '../engine/notify.ts'
import { type FailoverReport, reportOf } from '../engine/report.ts'
import { takeTenure } from '../engine/tenure.ts'
import { processClock } from '../engine/time.ts'
import { underWay } from '../engine/under-way.ts'
import type { Composed } from './compose/compose.ts'
import { failingOf } from './compose/failing.ts'
import { CALL_MILLISECONDS } from './limits.ts'
import { LEASE_MILLISECONDS, underLease } from './protected.ts'
import type { Terminal } from './terminal.ts'

/** How long a side that may be lost is tried for what it still gives or takes. */
const LOST_SIDE_MILLISECONDS = 10_000
const SILENT_SIDE_MILLISECONDS = 1000
const LOOK_MILLISECONDS = 300
/** Phases that are over when a failover begins. */
const BEFORE: readonly Phase[] = ['detect', 'decide']

interface Watched {
  readonly io: Terminal
  readonly signal: AbortSignal
}

/** Carries whatever the journal has under way to its end, under a lease of its own. Nothing where nothing is. */
export async function carryToEnd(joined: Composed, { io, signal }: Watched): Promise<string | undefined> {
  return underLease(joined, async (tenure) => {
    const running = await underWay(joined.parts)
    if (running === undefined) return undefined
    const { id, begun } = running
    const [from, to] = [begun['from'] as Side, begun['to'] as Side]
    const limited = AbortSignal.any([signal, tenure.signal])
    const lostSideMilliseconds = begun['silent'] === true ? SILENT_SIDE_MILLISECONDS : LOST_SIDE_MILLISECONDS
    const failing = failingOf(
      joined,
      { tenure, id, from, to, signal: limited },
      { callMilliseconds: CALL_MILLISECONDS, lostSideMilliseconds },
    )
    const failed = (target: string, why: string) => io.warn(`${target} was not told: ${why}`)
    const told = notifying({ parts: joined.parts, targets: joined.notices, clock: processClock, failed })
    await told.flush(tenure)
    await carryOut(failing, (phase, result) => tell(io, joined, phase, result !== undefined))
    await told.flush(tenure)
    return id
  })
}

/**
 * Shows how whoever holds the lease carries it on. True once it has ended; false as soon as nobody holds the lease and
 * it has not: then it is ours.
 */
export async function followOther(joined: Composed, id: string, { io, signal }: Watched): Promise<boolean> {
  const { parts, holder } = joined
  const { store, ledger, protection } = parts
  let after = 0
  for (;;) {
    for await (const { seq, type, body } of store.read(protection, { run: id, after })) {
      after = seq
      const phase = body['phase'] as Phase
      if (type === 'failover/phase-begun') tell(io, joined, phase, false)
      if (type === 'failover/phase-done' && !BEFORE.includes(phase)) tell(io, joined, phase, true)
      if (type === 'failover/ended') return true
    }
    const answer = await takeTenure({ store, ledger, protection, holder, leaseMilliseconds: LEASE_MILLISECONDS })
    if (!('held' in answer)) {
      await answer.end()
      return false
    }
    if (signal.aborted) throw leftToHolder(answer.held.holder)
    await sleep(LOOK_MILLISECONDS, undefined, { signal }).catch(() => undefined)
  }
}

function leftToHolder(holder: string): Fault {
  return new Fault('run/interrupted', `It was interrupted here, and ${holder} carries it on`, {
    hint: 'Follow it again with the same command, or see `holdfast report`.',
  })
}

function tell(io: Terminal, { parts }: Composed, phase: Phase, isDone: boolean): void {
  if (isDone) io.say(`${io.paint('green', 'done')}  ${phase}`)
  else parts.progress.phase(phase)
}

/** The failover or switchover that has just begun: somebody else may have carried it to its end meanwhile. */
export async function lastMove({ parts }: Composed): Promise<string> {
  const all = await Array.fromAsync(parts.store.read(parts.protection, { typed: 'failover/begun' }))
  const last = all.at(-1)
  if (last === undefined) throw new Error('it has begun and the journal does not have it')
  return last.run
}

/** The report of a failover or switchover that has begun. */
export async function reported({ parts }: Composed, id: string): Promise<FailoverReport> {
  const report = reportOf(await Array.fromAsync(parts.store.read(parts.protection, { run: id })))
  if (report === undefined) throw new Error(`${id} has begun and the journal does not have it`)
  return report
}
