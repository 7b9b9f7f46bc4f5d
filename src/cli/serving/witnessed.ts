import { A_LOOK, type Event } from '../../controller/controller.ts'

/** What a controller has told of itself so far, for health, metrics and logs. */
export interface Witnessed {
  take(event: Event): void
  /** Whether the loop goes on: it looked lately, or carries something out. */
  live(): boolean
  /** Why it is not ready to act, or `undefined` if it is. */
  unready(): string | undefined
  readonly seen: Seen
}

export interface Seen {
  sentence: string
  decision: string
  health: Extract<Event, { is: 'health' }> | undefined
  /** Who holds the lease, if it is another. */
  heldBy: string | undefined
  leased: boolean
  /** What is carried out just now. */
  phase: string | undefined
  /** What else of it takes long. */
  engaged: string | undefined
  passes: { done: number; failed: number; milliseconds: number }
  last: { items: number; behind: number; failed: number } | undefined
  failovers: Record<string, number>
  troubles: number
}

/**
 * @param patience how long the loop may stand still
 * @param now a clock that nobody sets: by one that is set back, a loop that hangs would seem alive
 */
export function witnessing(options: { readonly patience: number; readonly points: number; now(): number }): Witnessed {
  const { patience, points, now } = options
  const seen: Seen = {
    sentence: 'it has just begun',
    decision: 'none',
    health: undefined,
    heldBy: undefined,
    leased: false,
    phase: undefined,
    engaged: undefined,
    passes: { done: 0, failed: 0, milliseconds: 0 },
    last: undefined,
    failovers: {},
    troubles: 0,
  }
  let tickedAt = now()
  const isBusy = () => seen.phase !== undefined || seen.engaged !== undefined

  function unready(): string | undefined {
    if (seen.phase !== undefined || seen.heldBy !== undefined) return undefined
    if (seen.health === undefined) return 'it has not looked at both sides yet'
    const silent = Object.keys(seen.health.silent).length
    if (points > 0 && points - silent <= points / 2)
      return `only ${points - silent} of ${points} vantage points answer: without a majority nothing is decided`
    return undefined
  }

  return {
    seen,
    live: () => isBusy() || now() - tickedAt < patience,
    unready,
    take: (event) => {
      // What was carried out until now did not stand still.
      if (isBusy() || event.is === 'health' || event.is === 'held') tickedAt = now()
      note(seen, event)
    },
  }
}

function note(seen: Seen, event: Event): void {
  switch (event.is) {
    case 'lease':
      seen.leased = true
      seen.heldBy = undefined
      return
    case 'held':
      standBy(seen, event.holder)
      return
    case 'health':
      seen.health = event
      seen.sentence = event.sentence
      seen.engaged = undefined
      return
    case 'decision':
      seen.decision = event.decision.do
      seen.sentence = event.decision.reason
      return
    case 'engaged':
      seen.engaged = event.with
      return
    case 'phase':
      seen.phase = event.phase
      return
    case 'failover':
      seen.phase = undefined
      seen.failovers[event.outcome] = (seen.failovers[event.outcome] ?? 0) + 1
      return
    case 'trouble':
      seen.troubles++
      // A receiver that does not answer ends nothing of what the loop carries out.
      if (event.what === A_LOOK) nothingUnderWay(seen)
      return
    case 'pass':
      passed(seen, event.end)
      return
    default:
      return
  }
}

/** What one that stands by saw and decided while it held the lease is no news of now. */
function standBy(seen: Seen, holder: string): void {
  seen.leased = false
  seen.heldBy = holder
  seen.sentence = `${holder} holds the lease, and this controller stands by`
  seen.decision = 'none'
  seen.health = undefined
  seen.last = undefined
  nothingUnderWay(seen)
}

function nothingUnderWay(seen: Seen): void {
  seen.phase = undefined
  seen.engaged = undefined
}

function passed(seen: Seen, end: Extract<Event, { is: 'pass' }>['end']): void {
  seen.passes[end.is]++
  seen.passes.milliseconds += end.milliseconds
  if (end.is === 'failed') return
  const { source, reckoned, execution } = end.pass
  seen.last = {
    items: source.snapshot.size,
    behind: reckoned.behind.length,
    failed: execution.quarantined.length,
  }
}
