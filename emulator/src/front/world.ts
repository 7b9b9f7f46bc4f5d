import { join } from 'node:path'
import type { Plane } from '../call.ts'
import type { Certificates } from '../certificates.ts'
import type { Clock } from '../clock.ts'
import type { LimitSettings } from '../limits/table.ts'
import type { Taker } from '../network/dialled.ts'
import { listenInside } from '../network/inner-listener.ts'
import { followed } from '../network/under-way.ts'
import { requestListener } from '../server.ts'
import { Activity } from '../state/activity.ts'
import { Calls } from '../state/calls.ts'
import { Database } from '../state/database.ts'
import type { Tokens } from '../tokens.ts'
import { Directory } from './arm/directory.ts'
import { metadata } from './arm/metadata.ts'
import { registryDiscovery } from './arm/registry-discovery.ts'
import { openArm } from './arm.ts'
import { Conditions } from './conditions.ts'
import { InnerClient, Reach } from './reach.ts'
import { signIn } from './sign-in.ts'
import { graph, telemetry } from './telemetry.ts'

/** The global services with their store: what a saved state is loaded in the place of. */
export interface World {
  readonly db: Database
  readonly directory: Directory
  readonly conditions: Conditions
  readonly calls: Calls
  readonly planes: readonly Plane[]
  readonly listener: ReturnType<typeof requestListener>
  /** Takes connections for the hosts that belong to no region. */
  readonly take: Taker
  /** Goes on with work that was interrupted. Call when the regions listen. */
  start(): void
  /** Ends what is under way, and all connections. */
  close(): Promise<void>
}

export interface WorldParts {
  readonly dir: string
  readonly regions: readonly string[]
  readonly secret: string
  readonly clock: Clock
  readonly tokens: Tokens
  readonly certificates: Certificates
  /** In force from the start. */
  readonly limits: LimitSettings
  readonly everyCall: boolean
  portOf(region: string): number | undefined
}

/** Opens the global services on the folder of the emulator. */
export async function openWorld(parts: WorldParts): Promise<World> {
  const { dir, regions, secret, clock, tokens, certificates, limits, everyCall } = parts
  const db = new Database(join(dir, 'front.db'))
  const conditions = new Conditions(db, clock)
  conditions.limit(limits)
  conditions.recordEveryCall(everyCall)
  const directory = new Directory(db)
  const calls = new Calls(db)
  calls.on = everyCall
  const client = new InnerClient(secret)
  const reach = new Reach({ client, links: conditions.links, port: parts.portOf })
  const arm = openArm({ db, clock, tokens, directory, reach, regions, client, ownPort: () => inner.port })
  const planes = [
    signIn(tokens),
    metadata(),
    arm.plane,
    registryDiscovery({ directory, reach, tokens }),
    graph(),
    telemetry(),
  ]
  const activity = new Activity(db)
  const { faults, links } = conditions
  const answering = requestListener({ planes, db, activity, clock, calls, faults, limits: conditions.limits })
  const { listener, ended } = followed(answering)
  const inner = await listenInside({ secret, certificates, links, listener })

  async function close(): Promise<void> {
    // What a fault holds back goes on, and finds its connection gone.
    conditions.order([])
    const armClosed = arm.close()
    await inner.close()
    client.close()
    await armClosed
    await ended()
    await calls.flush()
    db.close()
  }

  const { take } = inner
  return { db, directory, conditions, calls, planes, listener, take, start: () => arm.start(), close }
}
