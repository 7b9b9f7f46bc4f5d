import { type LimitSettings, readLimits } from '../../limits/table.ts'
import { CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION, TENANT } from '../../tokens.ts'
import { OWN_CLOUD } from '../arm/metadata.ts'
import type { RegionStatus } from '../region-processes.ts'
import type { SavedActs } from '../saved/acts.ts'
import { type ControlReply, type ControlRoute, Misuse } from './control-call.ts'
import { type OrderedFault, readFaults } from './ordered-faults.ts'
import { countsOf, linesOf } from './records.ts'
import { savedRoutes } from './saved-routes.ts'

/** What the control API can do to the emulator. */
export interface ControlParts {
  readonly dir: string
  readonly caPath: string
  readonly regions: readonly string[]
  /** Does what must not meet the saving and loading of states, once none is under way. */
  together<T>(work: () => Promise<T>): Promise<T>
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
  limits(): LimitSettings
  setLimits(limits: LimitSettings): Promise<void>
  everyCall(): boolean
  /** Writes every call down from now on, or acknowledged writes only. */
  recordEveryCall(on: boolean): Promise<void>
  /** Resolves when every living process has written down the calls up to now. */
  flushCalls(): Promise<void>
  readonly saved: SavedActs
}

export function controlRoutes(parts: ControlParts): readonly ControlRoute[] {
  const status = async () => ({ status: 200, body: await statusOf(parts) })
  const others = [...placeRoutes(parts, status), ...limitRoutes(parts), ...recordRoutes(parts)]
  const together = others.map(([method, path, handler]): ControlRoute => {
    return [method, path, (call) => parts.together(async () => handler(call))]
  })
  return [...together, ...savedRoutes(parts.saved, () => parts.together(status))]
}

function placeRoutes(parts: ControlParts, status: () => Promise<ControlReply>): readonly ControlRoute[] {
  const regionNamed = (name: string | undefined): string => {
    if (name !== undefined && parts.regions.includes(name)) return name
    throw new Misuse(404, `There is no region ${name}; there are ${parts.regions.join(', ')}.`)
  }
  const ok = (body: unknown) => ({ status: 200, body })
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
  ]
}

function limitRoutes(parts: ControlParts): readonly ControlRoute[] {
  const limits = () => ({ status: 200, body: { limits: parts.limits() } })
  const set: ControlRoute[2] = async ({ body }) => {
    await parts.setLimits(limitsIn(body))
    return limits()
  }
  return [
    ['GET', /^\/emulator\/limits$/, limits],
    ['PUT', /^\/emulator\/limits$/, set],
  ]
}

function limitsIn(body: unknown): LimitSettings {
  const { limits } = (typeof body === 'object' && body !== null ? body : {}) as { readonly limits?: unknown }
  try {
    return readLimits(limits)
  } catch (thrown) {
    throw new Misuse(400, (thrown as Error).message)
  }
}

function recordRoutes(parts: ControlParts): readonly ControlRoute[] {
  const reading = (read: typeof linesOf): ControlRoute[2] => {
    return async ({ params, query }) => {
      if (query.get('of') === 'calls') await parts.flushCalls()
      return { status: 200, body: read(parts, params[0], query) }
    }
  }
  const record = () => ({ status: 200, body: { everyCall: parts.everyCall() } })
  const setRecord: ControlRoute[2] = async ({ body }) => {
    const on = (body as { everyCall?: unknown } | undefined)?.everyCall
    if (typeof on !== 'boolean') throw new Misuse(400, '`everyCall` must be true or false.')
    await parts.recordEveryCall(on)
    return record()
  }
  return [
    ['GET', /^\/emulator\/activity\/([^/]+)$/, reading(linesOf)],
    ['GET', /^\/emulator\/counts\/([^/]+)$/, reading(countsOf)],
    ['GET', /^\/emulator\/record$/, record],
    ['PUT', /^\/emulator\/record$/, setRecord],
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
    limits: parts.limits(),
    everyCall: parts.everyCall(),
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

/** As far as the fault `clock` goes: instants stay within those that have a year of four digits. */
const [BACK, AHEAD] = [-1_500_000_000_000, 50_000_000_000_000]

function shiftOf(body: unknown): number {
  const shift = (body as { shiftMilliseconds?: unknown } | undefined)?.shiftMilliseconds
  if (typeof shift === 'number' && shift >= BACK && shift <= AHEAD) return shift
  throw new Misuse(
    400,
    `\`shiftMilliseconds\` is ${JSON.stringify(shift)} and must be a number from ${BACK} to ${AHEAD}.`,
  )
}
