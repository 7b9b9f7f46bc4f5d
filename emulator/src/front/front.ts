import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import type { Plane } from '../call.ts'
import { openCertificates } from '../certificates.ts'
import { movableClock } from '../clock.ts'
import type { LimitSettings } from '../limits/table.ts'
import { openTokens } from '../tokens.ts'
import type { Conditions } from './conditions.ts'
import { control } from './control/control.ts'
import type { ControlParts } from './control/control-routes.ts'
import { Doors } from './doors.ts'
import { proxy } from './proxy.ts'
import { RegionProcesses, type RegionStatus } from './region-processes.ts'
import { type SavedParts, savedActs } from './saved/acts.ts'
import { SavedStates } from './saved/saved-states.ts'
import { cleanUp, takeOver } from './saved/taking-over.ts'
import { Turns } from './turns.ts'
import { Worlds } from './worlds.ts'

/** The running emulator: its global services here, its regions in processes of their own. */
export interface Front {
  readonly port: number
  readonly proxy: string
  /** Address of the emulator as a cloud of its own, for clients without a name. */
  readonly cloud: string
  readonly caPath: string
  /** The faces of its global services. */
  readonly planes: readonly Plane[]
  status(): readonly RegionStatus[]
  close(): Promise<void>
}

export interface FrontOptions {
  readonly dir: string
  readonly regions: readonly string[]
  /** Port of the proxy and the control API; 0 for any. */
  readonly port: number
  /** In force until the control API sets others. */
  readonly limits: LimitSettings
  /** Called after a region's process changed its state. */
  changed(): void
  /** Called where a state could not be loaded to the end: only a new start can go on. */
  broken(): void
}

interface Parts extends SavedParts {
  readonly options: FrontOptions
  readonly caPath: string
  proxyFor(client: string | undefined): string
}

/** Opens the front on its folder and starts every region. Resolves when all of them listen. */
export async function openFront(options: FrontOptions): Promise<Front> {
  const server = createServer({ requestTimeout: 0 })
  const port = await listen(server, options.port)
  const parts = await openParts(options, port)
  const { worlds, processes, doors, turns, proxyFor } = parts
  const cloud = await doors.address()
  serve(server, parts)
  await Promise.all(options.regions.map((name) => processes.start(name)))
  worlds.now.start()

  async function close(): Promise<void> {
    await doors.close()
    await processes.stopAll()
    await worlds.end()
    // Not waited for: Node never tells the end of a server that handed sockets to processes which have ended since.
    server.close()
    server.closeAllConnections()
  }

  return {
    port,
    proxy: proxyFor(undefined),
    cloud,
    caPath: parts.caPath,
    planes: worlds.now.planes,
    status: () => processes.status(),
    close: () => turns.alone(close),
  }
}

async function openParts(options: FrontOptions, port: number): Promise<Parts> {
  const { dir, regions } = options
  const saved = new SavedStates(dir, regions)
  saved.restoreReplaced()
  await takeOver(dir)
  await cleanUp(dir)
  const clock = movableClock()
  const certificates = await openCertificates(dir)
  const tokens = await openTokens(dir, () => clock.skewed())
  const secret = innerSecret(dir)
  const portOf = (region: string) => processes.port(region)
  const worlds = new Worlds({ dir, regions, secret, clock, tokens, certificates, portOf })
  await worlds.begin(options.limits)
  // requests and Node's own fetch send a user name only where there is a password too.
  const proxyFor = (name: string | undefined) =>
    `http://${name === undefined ? '' : `${encodeURIComponent(name)}:any@`}127.0.0.1:${port}`
  const processes = new RegionProcesses({
    root: dir,
    names: regions,
    secret,
    proxyFor,
    settingsFor: (name) => worlds.now.conditions.ofRegion(name),
    met: (id, times) => worlds.open && worlds.now.conditions.count(id, times),
    changed: options.changed,
  })
  const doors = new Doors({ certificates, world: () => (worlds.open ? worlds.now : undefined) })
  const { caPath } = certificates
  return { options, caPath, saved, processes, doors, turns: new Turns(), worlds, proxyFor }
}

/** Answers what comes to the port of the proxy. */
function serve(server: Server, parts: Parts): void {
  const { worlds, processes, options } = parts
  const connect = proxy({
    places: {
      regions: new Set(options.regions),
      owner: (kind, name) => worlds.now.directory.owner(kind, name),
    },
    links: () => worlds.now.conditions.links,
    taker: (destination) => (destination.to === 'region' ? processes.taker(destination.region) : worlds.now.take),
  })
  server.on('connect', (request, socket: Socket, head) => {
    // Between two states everything is away.
    if (worlds.open) connect(request, socket, head)
    else socket.on('error', () => socket.destroy()).resetAndDestroy()
  })
  const answer = control(controlOf(parts))
  server.on('request', (request, response) => void answer(request, response))
}

function controlOf(parts: Parts): ControlParts {
  const { options, caPath, processes, doors, turns, worlds, proxyFor } = parts
  const tellRegions = async (): Promise<void> => {
    await Promise.all(options.regions.map((name) => processes.configure(name)))
  }
  const conditions = (): Conditions => worlds.now.conditions
  return {
    dir: options.dir,
    caPath,
    regions: options.regions,
    proxyFor,
    together: (work) => turns.together(work),
    cloudFor: (client) => doors.address(client),
    status: () => processes.status(),
    start: (region) => processes.start(region),
    stop: (region) => processes.stop(region),
    kill: (region) => processes.kill(region),
    faults: () => conditions().ordered(),
    met: () => conditions().met(),
    setFaults: async (faults) => {
      conditions().order(faults)
      await tellRegions()
    },
    clockShiftMilliseconds: () => conditions().clockShiftMilliseconds(),
    setClock: async (shiftMilliseconds) => {
      await conditions().moveClock(shiftMilliseconds)
      await tellRegions()
    },
    limits: () => conditions().limited(),
    setLimits: async (limits) => {
      conditions().limit(limits)
      await tellRegions()
    },
    everyCall: () => conditions().everyCall(),
    recordEveryCall: async (on) => {
      conditions().recordEveryCall(on)
      worlds.now.calls.on = on
      await tellRegions()
    },
    flushCalls: async () => {
      await worlds.now.calls.flush()
      await tellRegions()
    },
    saved: savedActs(parts),
  }
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}

/** What proves to a process that a connection comes from the front. */
function innerSecret(dir: string): string {
  const path = join(dir, 'inner-secret')
  if (!existsSync(path)) writeFileSync(path, randomBytes(32).toString('hex'), { mode: 0o600 })
  return readFileSync(path, 'utf8')
}
