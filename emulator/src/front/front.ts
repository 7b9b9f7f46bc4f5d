import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Plane } from '../call.ts'
import { type Certificates, openCertificates } from '../certificates.ts'
import { type Clock, movableClock } from '../clock.ts'
import type { LimitSettings } from '../limits/table.ts'
import { listenInside } from '../network/inner-listener.ts'
import { requestListener } from '../server.ts'
import { Activity } from '../state/activity.ts'
import { Calls } from '../state/calls.ts'
import { Database } from '../state/database.ts'
import { openTokens, type Tokens } from '../tokens.ts'
import { Directory } from './arm/directory.ts'
import { metadata } from './arm/metadata.ts'
import { registryDiscovery } from './arm/registry-discovery.ts'
import { openArm } from './arm.ts'
import { Conditions } from './conditions.ts'
import { control } from './control/control.ts'
import type { ControlParts } from './control/control-routes.ts'
import { Doors } from './doors.ts'
import { proxy } from './proxy.ts'
import { InnerClient, Reach } from './reach.ts'
import { RegionProcesses, type RegionStatus } from './region-processes.ts'
import { signIn } from './sign-in.ts'
import { graph, telemetry } from './telemetry.ts'

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
}

/** Everything of the front that is opened from its folder. */
interface Base {
  readonly options: FrontOptions
  readonly secret: string
  readonly clock: Clock
  readonly db: Database
  readonly tokens: Tokens
  readonly certificates: Certificates
  readonly directory: Directory
  readonly conditions: Conditions
  readonly calls: Calls
  proxyFor(client: string | undefined): string
}

/** Opens the front on its folder and starts every region. Resolves when all of them listen. */
export async function openFront(options: FrontOptions): Promise<Front> {
  const server = createServer({ requestTimeout: 0 })
  const port = await listen(server, options.port)
  const base = await openBase(options, port)
  const { secret, conditions } = base
  const processes = new RegionProcesses({
    root: options.dir,
    names: options.regions,
    secret,
    proxyFor: base.proxyFor,
    settingsFor: (name) => conditions.ofRegion(name),
    met: (id, times) => conditions.count(id, times),
    changed: options.changed,
  })
  const portOf = (region: string): number | undefined => processes.port(region)
  const client = new InnerClient(secret)
  const reach = new Reach({ client, links: conditions.links, port: portOf })
  const arm = openArm({ ...base, regions: options.regions, client, reach, ownPort: () => inner.port })
  const planes = [
    signIn(base.tokens),
    metadata(),
    arm.plane,
    registryDiscovery({ ...base, reach }),
    graph(),
    telemetry(),
  ]
  const listener = answerForGlobalHosts(base, planes)
  const { directory, certificates } = base
  const inner = await listenInside({ secret, certificates, links: conditions.links, listener })
  const doors = new Doors({ ...base, links: conditions.links, listener })
  const cloud = await doors.address()
  const connect = proxy({
    places: {
      regions: new Set(options.regions),
      owner: (kind, name) => directory.owner(kind, name),
    },
    links: conditions.links,
    taker: (destination) => (destination.to === 'region' ? processes.taker(destination.region) : inner.take),
  })
  server.on('connect', connect)
  const answer = control(controlOf(base, processes, doors))
  server.on('request', (request, response) => void answer(request, response))
  await Promise.all(options.regions.map((name) => processes.start(name)))
  arm.start()

  async function close(): Promise<void> {
    await arm.close()
    await doors.close()
    await processes.stopAll()
    client.close()
    await inner.close()
    // Not waited for: Node never tells the end of a server that handed sockets to processes which have ended since.
    server.close()
    server.closeAllConnections()
    await base.calls.flush()
    base.db.close()
  }

  const proxyUrl = base.proxyFor(undefined)
  const { caPath } = certificates
  return { port, proxy: proxyUrl, cloud, caPath, planes, status: () => processes.status(), close }
}

async function openBase(options: FrontOptions, port: number): Promise<Base> {
  const { dir } = options
  const db = new Database(join(dir, 'front.db'))
  const clock = movableClock()
  const conditions = new Conditions(db, clock)
  conditions.limit(options.limits)
  return {
    options,
    secret: innerSecret(dir),
    clock,
    db,
    tokens: await openTokens(dir, () => clock.skewed()),
    certificates: await openCertificates(dir),
    directory: new Directory(db),
    conditions,
    calls: new Calls(db),
    // requests and Node's own fetch send a user name only where there is a password too.
    proxyFor: (name) => `http://${name === undefined ? '' : `${encodeURIComponent(name)}:any@`}127.0.0.1:${port}`,
  }
}

/** Answers for the hosts that belong to no region. */
function answerForGlobalHosts(base: Base, planes: readonly Plane[]): RequestListener {
  const { db, clock, conditions, calls } = base
  const activity = new Activity(db)
  return requestListener({ planes, db, activity, clock, calls, faults: conditions.faults, limits: conditions.limits })
}

function controlOf(base: Base, processes: RegionProcesses, doors: Doors): ControlParts {
  const { options, conditions } = base
  const tellRegions = async (): Promise<void> => {
    await Promise.all(options.regions.map((name) => processes.configure(name)))
  }
  return {
    dir: options.dir,
    caPath: base.certificates.caPath,
    regions: options.regions,
    proxyFor: base.proxyFor,
    cloudFor: (client) => doors.address(client),
    status: () => processes.status(),
    start: (region) => processes.start(region),
    stop: (region) => processes.stop(region),
    kill: (region) => processes.kill(region),
    faults: () => conditions.ordered(),
    met: () => conditions.met(),
    setFaults: async (faults) => {
      conditions.order(faults)
      await tellRegions()
    },
    clockShiftMilliseconds: () => conditions.clockShiftMilliseconds(),
    setClock: async (shiftMilliseconds) => {
      await conditions.moveClock(shiftMilliseconds)
      await tellRegions()
    },
    limits: () => conditions.limited(),
    setLimits: async (limits) => {
      conditions.limit(limits)
      await tellRegions()
    },
    everyCall: () => conditions.everyCall(),
    recordEveryCall: async (on) => {
      conditions.recordEveryCall(on)
      base.calls.on = on
      await tellRegions()
    },
    flushCalls: async () => {
      await base.calls.flush()
      await tellRegions()
    },
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
