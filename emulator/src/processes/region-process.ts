import type { Socket } from 'node:net'
import { join } from 'node:path'
import { openCertificates } from '../certificates.ts'
import type { Fault } from '../faults-kinds.ts'
import type { LimitSettings } from '../limits/table.ts'
import type { Dialled } from '../network/dialled.ts'
import { listenInside } from '../network/inner-listener.ts'
import { type LinkFault, Links } from '../network/links.ts'
import { openRegion } from '../region.ts'
import { writeCompiledCode } from './code-cache.ts'
import { lockFolder } from './lock-folder.ts'

/** What the front tells a region: once before it may listen, and again with every change. */
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

/** Code is written down once whoever waits for the region has been served. */
const WRITING_MILLISECONDS = 2000

const assignment: Assignment = JSON.parse(process.env['EMULATOR_REGION'] ?? '{}')
const { name, root, proxy, secret, clockShiftMilliseconds, clockSkewMilliseconds } = assignment
// The predecessor may still be ending.
const lock = lockFolder(join(root, 'regions', name), 5000)
const region = await openRegion({ name, root, proxy, clockShiftMilliseconds, clockSkewMilliseconds })
const links = new Links()
const certificates = await openCertificates(root)
const inner = await listenInside({ secret, certificates, links, listener: region.listener })
region.closing.push(() => inner.close())

region.faults.onMet((id, times) => process.send?.({ met: { id, times } }))
process.on('message', (message: Settings | Handed, socket?: Socket) => {
  if ('linkFaults' in message) apply(message)
  else {
    process.send?.({ taken: message.id })
    // Without a socket, the client has gone meanwhile.
    if (socket !== undefined) inner.take(socket, message.dialled, Buffer.from(message.head, 'base64'))
  }
})

function apply(settings: Settings): void {
  links.set(settings.linkFaults)
  region.faults.set(settings.faults)
  region.clock.shift(settings.clockShiftMilliseconds)
  region.clock.skew(settings.clockSkewMilliseconds)
  region.limits.set(settings.limits)
  region.calls.on = settings.everyCall
  // Whoever reads the calls next finds those up to now.
  region.calls.flush().finally(() => process.send?.({ port: inner.port }))
}

process.on('SIGTERM', () => {
  region
    .close()
    .then(() => lock.release())
    .finally(() => process.exit(0))
})
process.send?.({ listening: true })
setTimeout(writeCompiledCode, WRITING_MILLISECONDS).unref()
