import type { Socket } from 'node:net'
import { join } from 'node:path'
import { openCertificates } from '../certificates.ts'
import type { Fault } from '../faults-kinds.ts'
import type { LimitSettings } from '../limits/table.ts'
import type { Dialled } from '../network/dialled.ts'
import { type InnerListener, listenInside } from '../network/inner-listener.ts'
import { type LinkFault, Links } from '../network/links.ts'
import { followed } from '../network/under-way.ts'
import { type OpenRegion, openRegion } from '../region.ts'
import { writeCompiledCode } from './code-cache.ts'
import { lockFolder } from './lock-folder.ts'

/** Faults, clock and limits of a region: told once before it may listen, and again with every change. */
export interface Settings {
  readonly faults: readonly Fault[]
  /** Faults of the network, which meet the connections that were handed over. */
  readonly linkFaults: readonly LinkFault[]
  readonly clockShiftMilliseconds: number
  readonly clockSkewMilliseconds: number
  readonly limits: LimitSettings
  /** Whether every call is written down, and not only acknowledged writes. */
  readonly everyCall: boolean
}

/** What comes from the front with the connection of a client. */
export interface Handed {
  /** To be sent back as `taken`. */
  readonly id: number
  readonly dialled: Dialled
  /** What the front had read of it, in base64. */
  readonly head: string
}

/** What the front gives a region's process in its environment, as JSON under `EMULATOR_REGION`. */
export interface Assignment {
  readonly name: string
  readonly root: string
  readonly proxy: string
  readonly secret: string
  readonly clockShiftMilliseconds: number
  readonly clockSkewMilliseconds: number
}

/**
 * What the front asks of a region for a saved state.
 *
 * `hold` lets writes wait until `release`. `close` ends everything that is open, and `open` begins again with what is
 * in the folder by then.
 */
export type Order =
  | { readonly order: 'hold' | 'release' | 'close' }
  | ({ readonly order: 'open' } & Pick<Settings, 'clockShiftMilliseconds' | 'clockSkewMilliseconds'>)

/** A region with what listens for it. */
interface Opened {
  readonly region: OpenRegion
  readonly inner: InnerListener
}

/** Code is written down once whoever waits for the region has been served. */
const WRITING_MILLISECONDS = 2000

const assignment: Assignment = JSON.parse(process.env['EMULATOR_REGION'] ?? '{}')
const { name, root, proxy, secret } = assignment
// The predecessor may still be ending.
const lock = lockFolder(join(root, 'regions', name), 5000)
const links = new Links()
const certificates = await openCertificates(root)
let opened: Opened | undefined = await open(assignment)
/** What the front says is done in its order, and confirmed so. */
let turn = Promise.resolve()

process.on('message', (message: Settings | Order | Handed, socket?: Socket) => {
  if ('dialled' in message) take(message, socket)
  else turn = turn.then(() => obey(message)).then(confirm, refuse)
})

async function open(clock: Omit<Order & { order: 'open' }, 'order'>): Promise<Opened> {
  const { clockShiftMilliseconds, clockSkewMilliseconds } = clock
  const region = await openRegion({ name, root, proxy, clockShiftMilliseconds, clockSkewMilliseconds })
  const { listener, ended } = followed(region.listener)
  const inner = await listenInside({ secret, certificates, links, listener })
  // The store is closed behind the last request, and all else before it, which may be what the request waits for.
  region.closing.unshift(ended)
  region.closing.push(() => inner.close())
  region.faults.onMet((id, times) => {
    if (opened?.region === region) tell({ met: { id, times } })
  })
  return { region, inner }
}

async function close(): Promise<void> {
  const closing = opened
  opened = undefined
  // What a fault holds back goes on, and finds its connection gone.
  links.set([])
  closing?.region.faults.set([])
  await closing?.region.close()
}

function take(handed: Handed, socket: Socket | undefined): void {
  tell({ taken: handed.id })
  // Without a socket, the client has gone meanwhile.
  if (socket === undefined) return
  if (opened === undefined) socket.resetAndDestroy()
  else opened.inner.take(socket, handed.dialled, Buffer.from(handed.head, 'base64'))
}

async function obey(message: Settings | Order): Promise<void> {
  if ('linkFaults' in message) await apply(message)
  else if (message.order === 'open') opened ??= await open(message)
  else if (message.order === 'close') await close()
  else opened?.region.db[message.order]()
}

async function apply(settings: Settings): Promise<void> {
  if (opened === undefined) return
  const { region } = opened
  links.set(settings.linkFaults)
  region.faults.set(settings.faults)
  region.clock.shift(settings.clockShiftMilliseconds)
  region.clock.skew(settings.clockSkewMilliseconds)
  region.limits.set(settings.limits)
  region.calls.on = settings.everyCall
  // Whoever reads the calls next finds those up to now.
  await region.calls.flush().catch(() => undefined)
}

function confirm(): void {
  tell({ confirmed: true, port: opened?.inner.port })
}

/** The front tells it to whoever asked, and lets go of this process. */
function refuse(failure: unknown): void {
  tell({ failed: failure instanceof Error ? failure.message : String(failure) })
}

/** Where the front has gone, this process ends, and what it had to tell is told to nobody. */
function tell(what: object): void {
  process.send?.(what, undefined, undefined, () => undefined)
}

process.on('SIGTERM', () => {
  close()
    .then(() => lock.release())
    .finally(() => process.exit(0))
})
tell({ listening: true })
setTimeout(writeCompiledCode, WRITING_MILLISECONDS).unref()
