import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What the gate's process is told first. */
export interface GateSetUp {
  /** Whoever does not know it is not let in. */
  readonly secret: string
  /** URL of the proxy behind the gate; without it, targets are reached directly. */
  readonly proxy?: string
}

/** Told to it from then on: until when to let bytes pass, in milliseconds of the host's monotonic clock. */
export interface GateOrder {
  readonly until: number
}

/**
 * The only way out for what changes something, from when this process first has a lease.
 *
 * A process that is stopped cannot hold back what its sockets still hold or what it sends first when it goes on, and
 * the services take no epoch by which they could refuse it. So its connections end in another process, which resets
 * them where nothing puts off their end: a fence outside of what is fenced, as a watchdog is.
 */
export interface Gate {
  /** Starts it ahead of its use. */
  prepare(): void
  /** Lets changes pass until then and no longer, on the clock of {@link gateClock}. */
  open(until: number): void
  /** The lease was given back in good order: connections end, and what follows needs no lease. */
  leave(): void
  /** URL of the proxy that changes must take now; `undefined` where they need none. */
  way(): Promise<string | undefined>
  close(): void
}

const PROCESS = fileURLToPath(new URL('./gate-process.ts', import.meta.url))

/** Milliseconds of CLOCK_MONOTONIC, which all processes of a host share. */
export function gateClock(): number {
  return Number(process.hrtime.bigint() / 1_000_000n)
}

interface Running {
  readonly child: ChildProcess
  readonly url: Promise<string>
}

export function gateOf(proxy: string | undefined): Gate {
  let running: Running | undefined
  /** Until when the last lease lasts; `undefined` where none is needed. */
  let bound: number | undefined

  function started(): Running {
    if (running?.child.connected === true) return running
    running = startGate(proxy)
    return running
  }

  /** One that is not there lets nothing pass, and is told when it is. */
  function tell(order: GateOrder): void {
    if (running?.child.connected === true) running.child.send(order, () => undefined)
  }

  return {
    prepare: () => void started(),
    open: (until) => {
      bound = until
      tell({ until })
    },
    leave: () => {
      bound = undefined
      tell({ until: 0 })
    },
    way: async () => {
      if (bound === undefined) return undefined
      const { url } = started()
      tell({ until: bound })
      return url
    },
    close: () => {
      if (running?.child.connected === true) running.child.disconnect()
      running = undefined
    },
  }
}

/** In a session of its own: what a terminal or a person does to the controller is not done to it. */
function startGate(proxy: string | undefined): Running {
  const secret = randomBytes(24).toString('hex')
  const setUp: GateSetUp = { secret, ...(proxy === undefined || proxy === '' ? {} : { proxy }) }
  const child = fork(PROCESS, { detached: true, stdio: 'ignore', execArgv: [], env: surroundings() })
  // Not among its arguments, which everybody on the host can read.
  child.send(setUp, () => undefined)
  const url = new Promise<string>((resolve, reject) => {
    child.once('message', ({ port }: { readonly port: number }) => {
      // From now on it keeps nobody alive; until then somebody may wait for it and for nothing else.
      child.channel?.unref()
      resolve(`http://holdfast:${secret}@127.0.0.1:${port}`)
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error('the gate has ended')))
  })
  // Who asks for the way hears of it.
  url.catch(() => undefined)
  child.unref()
  return { child, url }
}

/**
 * Of the environment it gets nothing but whom else this process trusts, and where it keeps compiled code, where it does:
 * stripping types takes longer than the gate.
 */
function surroundings(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: trusted } = process.env
  // The folder that is told is that of this version of Node, in the one that was asked for.
  const folder = getCompileCacheDir()
  return {
    ...(trusted === undefined ? {} : { NODE_EXTRA_CA_CERTS: trusted }),
    ...(folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) }),
  }
}
