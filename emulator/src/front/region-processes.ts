import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Taker } from '../network/dialled.ts'
import type { Assignment, Handed, Order, Settings } from '../processes/region-process.ts'

export type RegionState = 'starting' | 'running' | 'stopped' | 'killed' | 'crashed'

export interface RegionStatus {
  readonly name: string
  readonly state: RegionState
  /** Process of the region; `undefined` where none lives. */
  readonly pid: number | undefined
}

interface Slot {
  state: RegionState
  child: ChildProcess | undefined
  port: number | undefined
  /** Settles when the start that is under way has come to its end. */
  starting: Promise<void> | undefined
  /** Why it did not start, in its own words. */
  failed: string | undefined
  /** What waits for the child to confirm what it was told, oldest first. */
  acknowledged: (() => void)[]
  /** Connections that the child has not said to have taken yet, by number. */
  readonly waiting: Map<number, Socket>
}

/** What a region's process tells the front. */
interface Told {
  /** What it was told last is done. */
  readonly confirmed?: boolean
  /** Beside `confirmed`: where it listens. Absent while it is closed. */
  readonly port?: number
  /** A connection that was handed over, by number. */
  readonly taken?: number
  readonly met?: { readonly id: string; readonly times: number }
  /** It cannot start, and why. */
  readonly failed?: string
}

export interface ProcessOptions {
  readonly root: string
  readonly names: readonly string[]
  readonly secret: string
  /** Proxy URL that a region uses to reach other places; its user part is the region's name. */
  proxyFor(name: string): string
  /** Faults and clock of a region, asked for at each start. */
  settingsFor(name: string): Settings
  /** Called when a counted fault of a region met a request. */
  met(id: string, times: number): void
  /** Called after a region changed its state. */
  changed(name: string): void
}

const MAIN = fileURLToPath(new URL('../region-main.ts', import.meta.url))
const GRACE_MILLISECONDS = 10_000

/** One child process per region: started, stopped and killed on request, and never by itself. */
export class RegionProcesses {
  readonly #options: ProcessOptions
  readonly #slots: ReadonlyMap<string, Slot>
  #handed = 0

  constructor(options: ProcessOptions) {
    this.#options = options
    this.#slots = new Map(
      options.names.map((name) => [
        name,
        {
          state: 'stopped',
          child: undefined,
          port: undefined,
          starting: undefined,
          failed: undefined,
          acknowledged: [],
          waiting: new Map(),
        } satisfies Slot,
      ]),
    )
  }

  /** Port of the region's inner listener, or `undefined` while it does not listen. */
  port(name: string): number | undefined {
    return this.#slots.get(name)?.port
  }

  /** What hands connections to the region's process, or `undefined` while it does not listen. */
  taker(name: string): Taker | undefined {
    const { child, port, waiting } = this.#slot(name)
    if (child === undefined || port === undefined) return undefined
    return (socket, dialled, head) => {
      const id = ++this.#handed
      waiting.set(id, socket)
      const handed: Handed = { id, dialled, head: head.toString('base64') }
      // Kept open here until it is taken, so that it ends with a reset where the region ends before.
      child.send(handed, socket, { keepOpen: true }, (failure) => {
        if (failure !== null) release(waiting, id)?.resetAndDestroy()
      })
    }
  }

  status(): readonly RegionStatus[] {
    return [...this.#slots].map(([name, slot]) => ({ name, state: slot.state, pid: slot.child?.pid }))
  }

  /** Starts a region and resolves when it listens, whoever started it first. Does nothing where it runs. */
  async start(name: string): Promise<void> {
    const slot = this.#slot(name)
    if (slot.child !== undefined) return slot.starting
    const starting: Promise<void> = this.#start(name, slot).finally(() => {
      if (slot.starting === starting) slot.starting = undefined
    })
    slot.starting = starting
    return starting
  }

  async #start(name: string, slot: Slot): Promise<void> {
    const { root, secret } = this.#options
    const proxy = this.#options.proxyFor(name)
    const { clockShiftMilliseconds, clockSkewMilliseconds } = this.#options.settingsFor(name)
    const assignment: Assignment = { name, root, secret, proxy, clockShiftMilliseconds, clockSkewMilliseconds }
    const child = fork(MAIN, [], {
      env: {
        ...process.env,
        EMULATOR_REGION: JSON.stringify(assignment),
      },
      execArgv: [],
      stdio: ['ignore', 2, 2, 'ipc'],
    })
    slot.child = child
    slot.failed = undefined
    this.#enter(name, slot, 'starting')
    child.on('exit', () => this.#ended(name, slot))
    child.on('message', (told: Told) => this.#hear(slot, told))
    await this.#tell(slot, this.#options.settingsFor(name))
    if (slot.port === undefined) {
      throw new Error(`The region ${name} did not start: ${slot.failed ?? 'it ended before it listened.'}`)
    }
    this.#enter(name, slot, 'running')
  }

  /** Sends a living region its faults and clock; resolves when they are in force. */
  async configure(name: string): Promise<void> {
    const slot = this.#slot(name)
    if (slot.child !== undefined) await this.#tell(slot, this.#options.settingsFor(name))
  }

  /** Ends a region as a power cut would, and resolves when its process is gone. */
  async kill(name: string): Promise<void> {
    const slot = this.#slot(name)
    slot.state = 'killed'
    await this.#end(slot, 'SIGKILL')
    this.#options.changed(name)
  }

  /** Ends a region in good order; after ten seconds by force. */
  async stop(name: string): Promise<void> {
    const slot = this.#slot(name)
    slot.state = 'stopped'
    const { child } = slot
    const force = setTimeout(() => child?.kill('SIGKILL'), GRACE_MILLISECONDS)
    await this.#end(slot, 'SIGTERM')
    clearTimeout(force)
    this.#options.changed(name)
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#slots.keys()].map((name) => this.stop(name)))
  }

  /** Lets the writes of every living region wait while `work` runs. What it reads in their folders stands still. */
  async holding<T>(work: () => Promise<T>): Promise<T> {
    try {
      await this.#order('hold')
      return await work()
    } finally {
      await this.#order('release')
    }
  }

  /** Closes every region. Its process goes on living; connections to it end. */
  async close(): Promise<void> {
    for (const [name, slot] of this.#slots) {
      slot.port = undefined
      if (slot.child !== undefined) this.#enter(name, slot, 'starting')
    }
    await this.#order('close')
  }

  /** Opens every region on what its folder holds now, and starts those that had ended. Where one fails, the others are open all the same. */
  async open(): Promise<void> {
    const opened = await Promise.allSettled([...this.#slots.keys()].map((name) => this.#open(name)))
    for (const one of opened) if (one.status === 'rejected') throw one.reason
  }

  async #open(name: string): Promise<void> {
    const slot = this.#slot(name)
    if (slot.child === undefined) return this.start(name)
    const settings = this.#options.settingsFor(name)
    const { clockShiftMilliseconds, clockSkewMilliseconds } = settings
    const order: Order = { order: 'open', clockShiftMilliseconds, clockSkewMilliseconds }
    await Promise.all([this.#tell(slot, order), this.#tell(slot, settings)])
    if (slot.port === undefined) throw new Error(`The region ${name} did not open: ${slot.failed ?? 'it ended.'}`)
    this.#enter(name, slot, 'running')
  }

  async #order(order: 'hold' | 'release' | 'close'): Promise<void> {
    const living = [...this.#slots.values()].filter(({ child }) => child !== undefined)
    await Promise.all(living.map((slot) => this.#tell(slot, { order })))
  }

  async #end(slot: Slot, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (slot.child === undefined) return
    const gone = once(slot.child, 'exit')
    slot.child.kill(signal)
    await gone
  }

  #tell(slot: Slot, what: Settings | Order): Promise<void> {
    return new Promise((resolve) => {
      slot.acknowledged.push(resolve)
      // A child that ended meanwhile is met by its exit, which releases whoever waits.
      slot.child?.send(what, () => undefined)
    })
  }

  #hear(slot: Slot, { confirmed, port, taken, met, failed }: Told): void {
    if (taken !== undefined) release(slot.waiting, taken)?.destroy()
    if (failed !== undefined) {
      slot.failed = failed
      slot.child?.disconnect()
    }
    if (met !== undefined) this.#options.met(met.id, met.times)
    if (confirmed !== true) return
    slot.port = port
    slot.acknowledged.shift()?.()
  }

  #ended(name: string, slot: Slot): void {
    slot.child = undefined
    slot.port = undefined
    for (const release of slot.acknowledged.splice(0)) release()
    for (const id of slot.waiting.keys()) release(slot.waiting, id)?.resetAndDestroy()
    const wanted = slot.state === 'killed' || slot.state === 'stopped'
    if (!wanted) process.stderr.write(`emulator: the region ${name} ended by itself\n`)
    this.#enter(name, slot, wanted ? slot.state : 'crashed')
  }

  #enter(name: string, slot: Slot, state: RegionState): void {
    slot.state = state
    this.#options.changed(name)
  }

  #slot(name: string): Slot {
    const slot = this.#slots.get(name)
    if (slot === undefined) throw new Error(`There is no region ${name}.`)
    return slot
  }
}

function release(waiting: Map<number, Socket>, id: number): Socket | undefined {
  const socket = waiting.get(id)
  waiting.delete(id)
  return socket
}
