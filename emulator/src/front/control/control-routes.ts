import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Acknowledged } from '../../state/activity.ts'
import { CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION, TENANT } from '../../tokens.ts'
import { OWN_CLOUD } from '../arm/metadata.ts'
import type { RegionStatus } from '../region-processes.ts'
import { type ControlRoute, Misuse } from './control-call.ts'
import { type OrderedFault, readFaults } from './ordered-faults.ts'

/** What the control API can do to the emulator. */
export interface ControlParts {
  readonly dir: string
  readonly caPath: string
  readonly regions: readonly string[]
  /** URL of the proxy for a client of this name. */
  proxyFor(client: string | undefined): string
  /** Address of the emulator as a cloud of its own, for a client of this name. */
  cloudFor(client: string | undefined): Promise<string>
  status(): readonly RegionStatus[]
  start(region: string): Promise<void>
  stop(region: string): Promise<void>
  kill(region: string): Promise<void>
  faults(): readonly OrderedFault[]
  /** How many requests each counted fault in force has met, by its id. */
  met(): Readonly<Record<string, number>>
  /** Puts faults in force in place of all earlier ones; resolves when every process applies them. */
  setFaults(faults: readonly OrderedFault[]): Promise<void>
  clockShiftMilliseconds(): number
  setClock(shiftMilliseconds: number): Promise<void>
}

const MOST_LINES = 10_000

export function controlRoutes(parts: ControlParts): readonly ControlRoute[] {
  const regionNamed = (name: string | undefined): string => {
    if (name !== undefined && parts.regions.includes(name)) return name
    throw new Misuse(404, `There is no region ${name}; there are ${parts.regions.join(', ')}.`)
  }
  const ok = (body: unknown) => ({ status: 200, body })
  const status = async () => ok(await statusOf(parts))
  const changing = (change: (region: string) => Promise<void>): ControlRoute[2] => {
    return async ({ params }) => {
      await change(regionNamed(params[0]))
      return status()
    }
  }
  const faults = () => ok({ faults: parts.faults(), met: parts.met() })
  return [
    ['GET', /^\/emulator\/status$/, status],
    ['GET', /^\/emulator\/env$/, async ({ query }) => ok(await environment(parts, query))],
    ['POST', /^\/emulator\/regions\/([^/]+)\/start$/, changing(parts.start)],
    ['POST', /^\/emulator\/regions\/([^/]+)\/stop$/, changing(parts.stop)],
    ['POST', /^\/emulator\/regions\/([^/]+)\/kill$/, changing(parts.kill)],
    ['GET', /^\/emulator\/faults$/, faults],
    [
      'PUT',
      /^\/emulator\/faults$/,
      async ({ body }) => {
        await parts.setFaults(readFaults(body, parts.regions))
        return faults()
      },
    ],
    [
      'DELETE',
      /^\/emulator\/faults$/,
      async () => {
        await parts.setFaults([])
        return faults()
      },
    ],
    [
      'POST',
      /^\/emulator\/clock$/,
      async ({ body }) => {
        await parts.setClock(shiftOf(body))
        return status()
      },
    ],
    ['GET', /^\/emulator\/activity\/([^/]+)$/, ({ params, query }) => ok(activity(parts, params[0], query))],
  ]
}

async function statusOf(parts: ControlParts): Promise<unknown> {
  const shiftMilliseconds = parts.clockShiftMilliseconds()
  return {
    pid: process.pid,
    dir: parts.dir,
    proxy: parts.proxyFor(undefined),
    cloud: await parts.cloudFor(undefined),
    ca: parts.caPath,
    regions: parts.status(),
    faults: parts.faults(),
    clock: { shiftMilliseconds, now: new Date(Date.now() + shiftMilliseconds).toISOString() },
  }
}

/** Variables that point an unmodified client of Azure at the emulator. */
async function environment(parts: ControlParts, query: URLSearchParams): Promise<Readonly<Record<string, string>>> {
  const client = query.get('client') ?? undefined
  const proxy = parts.proxyFor(client)
  const asCloud = query.has('cloud') ? ownCloud(await parts.cloudFor(client)) : {}
  return {
    HTTPS_PROXY: proxy,
    HTTP_PROXY: proxy,
    NO_PROXY: '127.0.0.1,localhost',
    NODE_USE_ENV_PROXY: '1',
    NODE_EXTRA_CA_CERTS: parts.caPath,
    REQUESTS_CA_BUNDLE: parts.caPath,
    SSL_CERT_FILE: parts.caPath,
    CURL_CA_BUNDLE: parts.caPath,
    AZURE_TENANT_ID: TENANT,
    AZURE_SUBSCRIPTION_ID: SUBSCRIPTION,
    AZURE_CLIENT_ID: CLIENT_ID,
    AZURE_CLIENT_SECRET: CLIENT_SECRET,
    ...asCloud,
  }
}

/** Variables by which clients take the emulator for a cloud of its own, whose ARM and sign-in they reach without the proxy. */
function ownCloud(address: string): Readonly<Record<string, string>> {
  return {
    ARM_CLOUD_METADATA_URL: `${address}/metadata/endpoints?api-version=2019-05-01`,
    AZUREML_CURRENT_CLOUD: OWN_CLOUD,
    AZURE_AUTHORITY_HOST: address,
    // The Azure CLI would ask Azure's public sign-in whether it knows this one.
    AZURE_CORE_INSTANCE_DISCOVERY: 'false',
  }
}

function shiftOf(body: unknown): number {
  const shift = (body as { shiftMilliseconds?: unknown } | undefined)?.shiftMilliseconds
  if (typeof shift === 'number' && Number.isFinite(shift)) return shift
  throw new Misuse(400, '`shiftMilliseconds` must be a number.')
}

/** Reads the store's file, not its process: a dead region's record is the one that a proof needs most. */
function activity(parts: ControlParts, place: string | undefined, query: URLSearchParams): unknown {
  const isRegion = place !== undefined && parts.regions.includes(place)
  if (!isRegion && place !== 'front') throw new Misuse(404, `There is no region ${place}, and it is not the front.`)
  const path = isRegion ? join(parts.dir, 'regions', place, 'state.db') : join(parts.dir, 'front.db')
  const after = wholeNumber(query, 'after', 0)
  const limit = Math.min(wholeNumber(query, 'limit', 1000), MOST_LINES)
  if (!existsSync(path)) return { lines: [], after }
  const store = new DatabaseSync(path, { readOnly: true })
  try {
    const rows = store.prepare('SELECT * FROM activity WHERE seq > ? ORDER BY seq LIMIT ?').all(after, limit)
    const lines = rows as unknown as readonly Acknowledged[]
    return { lines, after: lines.at(-1)?.seq ?? after }
  } finally {
    store.close()
  }
}

function wholeNumber(query: URLSearchParams, name: string, otherwise: number): number {
  const value = Number(query.get(name) ?? otherwise)
  if (Number.isInteger(value) && value >= 0) return value
  throw new Misuse(400, `\`${name}\` is ${query.get(name)} and must be a whole number.`)
}
