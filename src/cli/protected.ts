import { hostname } from 'node:os'
import { Command } from 'commander'
import { Fault } from '../core/errors.ts'
import { type Tenure, takeTenure } from '../engine/tenure.ts'
import type { HeldBy } from '../store/store.ts'
import { isAlive } from './alive.ts'
import type { Composed, Standing } from './compose/compose.ts'
import { interruptible } from './interruption.ts'
import { shownProgress } from './progress.ts'
import type { Terminal } from './terminal.ts'

/** What every verb of a protection takes. */
export interface Protected {
  readonly policy: string
  readonly protection?: string
  readonly state?: string
}

/** How long a controller that died keeps others waiting. */
export const LEASE_MILLISECONDS = 60_000

/** A verb with the options by which a protection is found. */
export function protectedVerb(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--policy <path>', 'file or folder with the protections', 'holdfast.yaml')
    .option('--protection <name>', 'which of them, if there are several')
    .option('--state <folder>', 'where journal and ledger are kept (default: .holdfast in the folder of the policy)')
}

/**
 * Runs a verb with its parts joined, and takes them apart again whatever happens. Ctrl-C ends it in order:
 * what was done is recorded, and running it again goes on.
 */
export async function within(
  given: Protected & { readonly requestMilliseconds?: number; readonly standing?: Standing },
  io: Terminal,
  work: (joined: Composed, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { policy, protection, state, requestMilliseconds, standing } = given
  await interruptible(io, async (signal) => {
    const progress = shownProgress(io)
    // The clients of Azure take a second to load: who asks for help need not wait for them.
    const { compose } = await import('./compose/compose.ts')
    const joined = await compose({
      policy,
      progress,
      ...(protection === undefined ? {} : { name: protection }),
      ...(state === undefined ? {} : { state }),
      ...(requestMilliseconds === undefined ? {} : { requestMilliseconds }),
      ...(standing === undefined ? {} : { standing }),
    })
    try {
      await work(joined, signal)
    } finally {
      progress.done()
      await joined.close()
    }
  })
}

/** Runs an act that writes, under the lease of the protection. */
export async function underLease<T>({ parts, holder }: Composed, act: (tenure: Tenure) => Promise<T>): Promise<T> {
  const { store, ledger, protection } = parts
  const answer = await takeTenure({ store, ledger, protection, holder, leaseMilliseconds: LEASE_MILLISECONDS })
  if ('held' in answer) {
    throw heldFault(protection, answer.held)
  }
  try {
    return await act(answer)
  } finally {
    await answer.end()
  }
}

/** Says who holds the lease: whoever it is, or a process of this machine that is no more. */
function heldFault(protection: string, { holder, remainingMilliseconds }: HeldBy): Fault {
  const left = `${Math.ceil(remainingMilliseconds / 1000)} s`
  const facts = { holder, remainingMilliseconds }
  const [host, pid] = holder.split('/')
  if (host === hostname() && !isAlive(Number(pid))) {
    const message = `${holder}, which has ended without giving it back, holds the lease of ${protection} for another ${left}`
    return new Fault('run/held', message, { facts, hint: 'Run this again then.' })
  }
  return new Fault('run/held', `${holder} holds the lease of ${protection} for another ${left}, and renews it`, {
    facts,
    hint: 'Let it do the work, or end it and run this again.',
  })
}
