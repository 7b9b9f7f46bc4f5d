import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { genericResources } from './arm/generic.ts'
import { Operations } from './arm/operations.ts'
import { Resources } from './arm/resources.ts'
import type { Plane } from './call.ts'
import { type Clock, movableClock } from './clock.ts'
import { Faults } from './faults.ts'
import { history } from './history/plane.ts'
import { Runs } from './history/runs.ts'
import { Limits } from './limits/limits.ts'
import { discovery } from './ml/discovery.ts'
import { otherServices } from './ml/other-services.ts'
import { machineLearning } from './ml/plane.ts'
import { scoring } from './ml/serving/scoring.ts'
import { mlflow } from './mlflow/plane.ts'
import { requestListener } from './server.ts'
import { Activity } from './state/activity.ts'
import { Calls } from './state/calls.ts'
import { Database } from './state/database.ts'
import { storageAccounts } from './storage/arm/plane.ts'
import { Blobs } from './storage/blobs.ts'
import { blobService } from './storage/plane.ts'
import { openTokens, type Tokens } from './tokens.ts'
import { keyVault } from './vault/plane.ts'
import { VaultSecrets } from './vault/secrets.ts'

/** What every part of a region may use. */
export interface Region {
  /** Name as Azure writes it in URLs, for instance `eastus2`. */
  readonly name: string
  /** Folder of this region alone. */
  readonly dir: string
  /** Folder of the whole emulator: signing key, certificate authority. */
  readonly root: string
  readonly db: Database
  readonly resources: Resources
  readonly vaultSecrets: VaultSecrets
  readonly operations: Operations
  readonly runs: Runs
  readonly blobs: Blobs
  readonly activity: Activity
  readonly calls: Calls
  readonly faults: Faults
  readonly limits: Limits
  readonly clock: Clock
  readonly tokens: Tokens
  /** URL of the proxy with the region's name in its user part, through which the region and its jobs reach all other hosts; `undefined` in unit tests. */
  readonly proxy: string | undefined
  /** How long a node of a compute takes to come, for a job that finds none idle. */
  readonly allocationSeconds: number
  /** Things to end when the region closes, last first. */
  readonly closing: (() => Promise<void> | void)[]
}

export interface OpenRegion extends Region {
  readonly planes: readonly Plane[]
  readonly listener: ReturnType<typeof requestListener>
  /** Listens on plain HTTP on loopback, for tests and for the front. Resolves with the port. */
  listen(port?: number): Promise<number>
  close(): Promise<void>
}

/** The faces of a region, in the order in which they are asked. Each line is one plane. */
function planesOf(region: Region): readonly Plane[] {
  return [
    ...machineLearning(region),
    discovery(region),
    scoring(region),
    mlflow(region),
    history(region),
    otherServices(region),
    blobService(region),
    storageAccounts(region),
    keyVault(region),
    genericResources(region),
  ]
}

/** Opens a region on its folder, making it where there is none. All earlier state is there again. */
export async function openRegion(options: {
  name: string
  root: string
  proxy?: string
  allocationSeconds?: number
  /** How far the clock is ahead from the start: what has passed by then is past. */
  clockShiftMilliseconds?: number
  /** How far it is wrong besides. */
  clockSkewMilliseconds?: number
}): Promise<OpenRegion> {
  const dir = join(options.root, 'regions', options.name)
  const clock = movableClock(options.clockShiftMilliseconds)
  clock.skew(options.clockSkewMilliseconds ?? 0)
  const db = new Database(join(dir, 'state.db'))
  const resources = new Resources(db, clock)
  const region: Region = {
    name: options.name,
    dir,
    root: options.root,
    db,
    clock,
    resources,
    vaultSecrets: new VaultSecrets({ db, clock, resources }),
    operations: new Operations(db, clock),
    runs: new Runs(db, clock),
    blobs: new Blobs(db, clock, dir),
    activity: new Activity(db),
    calls: new Calls(db),
    faults: new Faults(),
    limits: new Limits(),
    tokens: await openTokens(options.root, () => clock.skewed()),
    proxy: options.proxy,
    allocationSeconds: options.allocationSeconds ?? Number(process.env['EMULATOR_ALLOCATION_SECONDS'] ?? 3),
    closing: [],
  }
  region.closing.push(() => region.blobs.close())
  const planes = planesOf(region)
  region.closing.push(() => region.calls.flush())
  const listener = requestListener({ ...region, planes })
  const servers: Server[] = []

  async function listen(port = 0): Promise<number> {
    const server = createServer(listener)
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }

  async function close(): Promise<void> {
    for (const server of servers) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
    for (const end of region.closing.reverse()) await end()
    region.operations.close()
    db.close()
  }

  return { ...region, planes, listener, listen, close }
}
