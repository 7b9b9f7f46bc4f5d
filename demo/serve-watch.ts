import type { Screen } from './screen.ts'

/** A line of `holdfast serve --json`, as far as the demo reads it. */
export interface ServeEvent {
  readonly is: string
  readonly at: string
  readonly id?: string
  readonly phase?: string
  readonly result?: unknown
  readonly epoch?: number
  readonly what?: string
  readonly why?: string
  readonly decision?: { readonly do: string; readonly reason: string }
  readonly end?: {
    readonly is: string
    readonly startedAt?: number
    readonly recoveryPoint?: number | null
    readonly behind?: readonly string[]
    readonly steps?: number
  }
}

interface Waiting {
  test(event: ServeEvent): boolean
  resolve(event: ServeEvent): void
}

/** Reads what the controller says, shows it, and lets the story wait for it. */
export interface ServeWatch {
  /** Takes in one line that it printed. */
  line(text: string): void
  /** The next event that passes the test, within a minute. */
  until(test: (event: ServeEvent) => boolean, signal: AbortSignal): Promise<ServeEvent>
}

export function watchServe(screen: Screen): ServeWatch {
  const waiting = new Set<Waiting>()

  function line(text: string): void {
    if (!text.startsWith('{')) return
    const event = JSON.parse(text) as ServeEvent
    show(event, screen)
    for (const one of [...waiting]) {
      if (!one.test(event)) continue
      waiting.delete(one)
      one.resolve(event)
    }
  }

  function until(test: (event: ServeEvent) => boolean, signal: AbortSignal): Promise<ServeEvent> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(60_000)])
    return new Promise((resolve, reject) => {
      limited.throwIfAborted()
      waiting.add({ test, resolve })
      limited.addEventListener('abort', () => reject(limited.reason), { once: true })
    })
  }

  return { line, until }
}

function show(event: ServeEvent, screen: Screen): void {
  if (event.is === 'decision' && event.decision !== undefined) {
    const { do: verb, reason } = event.decision
    screen.update({ decision: `${verb}: ${reason}` })
    if (verb === 'wait' || verb === 'fail-over') screen.line(`${verb}: ${shortened(reason)}`)
  }
  if (event.is === 'lease') screen.update({ decision: `holds the lease in epoch ${event.epoch}` })
  if (event.is === 'phase' && event.result !== undefined && event.phase !== 'report')
    screen.line(`  ${event.phase} done`)
  if (event.is === 'pass' && typeof event.end?.recoveryPoint === 'number') {
    const age = (Date.parse(event.at) - event.end.recoveryPoint) / 1000
    screen.update({
      recoveryPoint: `${new Date(event.end.recoveryPoint).toISOString().slice(11, 23)}, ${age.toFixed(1)} s old`,
    })
  }
}

/** Which planes are down for whom is in the record; the line says what follows from it. */
function shortened(reason: string): string {
  return reason.replace(/: control is down[^.]*\./, '.').replace(/ for 0s/, '')
}
