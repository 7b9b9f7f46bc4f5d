import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { Call, Reply } from '../../call.ts'
import { Refusal } from '../../refusal.ts'
import type { Database } from '../../state/database.ts'
import { type Reach, unreachable } from '../reach.ts'
import { locationName, type ProviderPath } from './arm-paths.ts'
import type { Directory, Entry } from './directory.ts'
import { passedOn, relayed, relayedWhole, watching } from './forwarded.ts'
import { beingDeleted, type Group, type Groups } from './groups.ts'

export interface RoutingParts {
  readonly db: Database
  readonly directory: Directory
  readonly groups: Groups
  readonly reach: Pick<Reach, 'reaches' | 'send'>
  readonly regions: readonly string[]
}

/** How many PUTs of one resource ever began, and how many wait for an answer. */
interface Puts {
  begun: number
  flying: number
}

const LARGEST_BODY = 16 * 1024 * 1024
/** Fields of a resource that generic lists show. */
const LISTED = ['location', 'tags', 'kind', 'sku', 'identity', 'managedBy', 'plan', 'zones']

/** Sends a call below a resource group to the region that owns it, and keeps the directory true to the answers. */
export class ResourceRouting {
  readonly #parts: RoutingParts
  /** PUTs of top-level resources by lower-case id. */
  readonly #puts = new Map<string, Puts>()

  constructor(parts: RoutingParts) {
    this.#parts = parts
  }

  async handle(call: Call, path: ProviderPath): Promise<Reply> {
    const group = this.#parts.groups.need(path.subscription, path.resourceGroup)
    if (path.below.length > 0) return this.#below(call, path)
    if (call.method === 'PUT') return this.#put(call, path, group)
    const entry = this.#parts.directory.get(path.id)
    // What was deleted softly is to be purged where it is kept.
    const kept = this.#parts.directory.departed(path.id)
    if (entry === undefined && call.method !== 'DELETE') throw notFound(path)
    if (entry === undefined && kept === undefined) return { status: 204, unlogged: true }
    if (call.method !== 'GET' && call.method !== 'HEAD') this.#needHome(group)
    return entry === undefined ? this.pass(call, kept ?? '') : this.#existing(call, entry)
  }

  #below(call: Call, path: ProviderPath): Promise<Reply> {
    const entry = this.#parts.directory.get(path.id)
    if (entry !== undefined) return this.pass(call, entry.region)
    if (call.method === 'DELETE') return Promise.resolve({ status: 204, unlogged: true })
    if (call.method !== 'PUT') throw notFound(path)
    const message = `Can not perform requested operation on nested resource. Parent resource '${path.name}' not found.`
    throw new Refusal(404, 'ParentResourceNotFound', message)
  }

  /** Passes a call on as it is, its body streaming. */
  async pass(call: Call, region: string): Promise<Reply> {
    return watching(call, async (signal) => {
      const bodiless = call.method === 'GET' || call.method === 'HEAD'
      return relayed(await this.#send(call, region, { signal, body: bodiless ? undefined : call.body }), call.method)
    })
  }

  async #put(call: Call, path: ProviderPath, group: Group): Promise<Reply> {
    if (group.state === 'Deleting') throw beingDeleted(group.name)
    this.#needHome(group)
    const body = await call.bytes(LARGEST_BODY)
    const sent = (await call.json()) as { location?: unknown } | undefined
    const known = await this.#verified(call, this.#parts.directory.get(path.id))
    const region = this.#regionFor({ location: sent?.location, known, group })
    // Nothing was sent to a region that is away, so nothing can have come to be there.
    if (!this.#parts.reach.reaches(region)) throw unreachable(region)
    if (known === undefined) await this.#reserve(path, region, group)
    const put = this.#putsOf(path.id)
    put.begun += 1
    put.flying += 1
    try {
      const answer = await watching(call, (signal) => this.#send(call, region, { signal, body }))
      const { reply, json } = await relayedWhole(answer, call.method)
      if (reply.status < 300) await this.#settle(path.id, json)
      else if (!isDoubtful(reply) && put.flying === 1) await this.#forgetReserved(path.id)
      return reply
    } finally {
      put.flying -= 1
    }
  }

  /** GET, HEAD, PATCH, DELETE or an unknown method on a resource that the directory has. */
  async #existing(call: Call, entry: Entry): Promise<Reply> {
    const before = { ...this.#putsOf(entry.id) }
    const reads = call.method === 'GET' || call.method === 'HEAD'
    const body = reads ? undefined : await call.bytes(LARGEST_BODY)
    const answer = await watching(call, (signal) => this.#send(call, entry.region, { signal, body }))
    const { reply, json } = await relayedWhole(answer, call.method)
    const gone = reply.status === 404 || (call.method === 'DELETE' && (reply.status === 200 || reply.status === 204))
    if (gone) await this.#forget(entry, before)
    else if (call.method === 'DELETE' && reply.status === 202) {
      await this.#parts.db.write(() => this.#parts.directory.leave(entry.id))
    } else if (isSuccess(reply) && (call.method === 'PATCH' || entry.state === 'reserved') && call.method !== 'HEAD') {
      // A change that is accepted may be answered without a body; the directory needs what it came to.
      await this.#settle(entry.id, 'id' in json ? json : (await this.#read(call, entry)).json)
    }
    return reply
  }

  /**
   * The entries as they are now: what is not known to be there is asked for in its region.
   *
   * A region that is away leaves the entry as it is.
   */
  async present(call: Call, entries: readonly Entry[]): Promise<readonly Entry[]> {
    const present: Entry[] = []
    for (const entry of entries) {
      const now = entry.state === 'there' ? entry : await this.#verified(call, entry).catch(() => entry)
      if (now !== undefined && now.state !== 'reserved') present.push(now)
    }
    return present
  }

  /** The entry, or `undefined` where its region says that the resource never came to be or is gone. */
  async #verified(call: Call, entry: Entry | undefined): Promise<Entry | undefined> {
    if (entry === undefined || entry.state === 'there') return entry
    const before = { ...this.#putsOf(entry.id) }
    if (before.flying > 0) return entry
    const { reply, json } = await this.#read(call, entry)
    if (reply.status === 404) await this.#forget(entry, before)
    else if (isSuccess(reply) && entry.state === 'reserved') await this.#settle(entry.id, json)
    return this.#parts.directory.get(entry.id)
  }

  /** The resource as its region has it. */
  async #read(call: Call, entry: Entry): ReturnType<typeof relayedWhole> {
    const target = `${encodeURI(entry.id)}?api-version=${call.query.get('api-version') ?? ''}`
    const answer = await watching(call, (signal) => this.#send(call, entry.region, { signal, method: 'GET', target }))
    return relayedWhole(answer, 'GET')
  }

  #regionFor(wanted: { location: unknown; known: Entry | undefined; group: Group }): string {
    const { known, group } = wanted
    const location = typeof wanted.location === 'string' ? locationName(wanted.location) : undefined
    if (known !== undefined && (location === undefined || location === 'global')) return known.region
    if (location === undefined) {
      throw new Refusal(400, 'LocationRequired', 'The location property is required for this definition.')
    }
    const region = location === 'global' ? group.location : location
    if (!this.#parts.regions.includes(region)) {
      const message = `The provided location '${location}' is not available for this resource type. List of available regions is '${this.#parts.regions.join(',')}'.`
      throw new Refusal(400, 'LocationNotAvailableForResourceType', message)
    }
    if (known !== undefined && known.region !== region) throw elsewhere(known, region, group)
    return region
  }

  /** Makes the entry of a new resource. Another PUT may have made it meanwhile, for this region or for another one. */
  async #reserve(path: ProviderPath, region: string, group: Group): Promise<void> {
    const { directory, db } = this.#parts
    await db.write(() => {
      const found = directory.get(path.id)
      if (found !== undefined && found.region !== region) throw elsewhere(found, region, group)
      if (found !== undefined) return
      const holder = directory.holder(path.type, path.name ?? '')
      if (holder !== undefined) throw nameTaken(path)
      directory.reserve({ ...path, name: path.name ?? '', region, summary: { location: region } })
    })
  }

  async #settle(id: string, json: Readonly<Record<string, unknown>>): Promise<void> {
    const summary = Object.fromEntries(
      LISTED.filter((field) => json[field] != null).map((field) => [field, json[field]]),
    )
    await this.#parts.db.write(() => this.#parts.directory.settle(id, summary))
  }

  /** Forgets what a PUT reserved that came to nothing, unless another one has begun that may come to something. */
  async #forgetReserved(id: string): Promise<void> {
    const { directory, db } = this.#parts
    await db.write(() => {
      if (this.#putsOf(id).flying === 1 && directory.get(id)?.state === 'reserved') directory.forget(id)
    })
  }

  /**
   * Forgets a resource of which its region said that it is gone.
   *
   * A PUT that began since `before` may have created it after that was said, also while this write waits for its turn.
   */
  async #forget(entry: Entry, before: Puts): Promise<void> {
    const { directory, db } = this.#parts
    await db.write(() => {
      const undisturbed = before.flying === 0 && this.#putsOf(entry.id).begun === before.begun
      if (undisturbed && directory.get(entry.id)?.seq === entry.seq) directory.forget(entry.id)
    })
  }

  /**
   * Refuses to change a resource while the home region of its group is away.
   *
   * The vendor says so of groups: their metadata live in one region, and without it their resources
   * may not be changed, wherever they are.
   */
  #needHome(group: Group): void {
    if (this.#parts.reach.reaches(group.location)) return
    const message = `The resource group '${group.name}' lives in '${group.location}', which is not reachable: its resources cannot be changed now.`
    throw new Refusal(503, 'ServiceUnavailable', message)
  }

  #send(
    call: Call,
    region: string,
    more: { signal: AbortSignal; method?: string; target?: string; body?: Readable | Buffer | undefined },
  ): Promise<IncomingMessage> {
    const { method = call.method, target = call.target, body, signal } = more
    const headers = passedOn(call)
    if (body === undefined) {
      delete headers['content-length']
      delete headers['content-type']
    } else if (Buffer.isBuffer(body)) headers['content-length'] = String(body.length)
    const { host, client } = call
    return this.#parts.reach.send(region, { method, target, host, headers, client, body, signal })
  }

  #putsOf(id: string): Puts {
    const key = id.toLowerCase()
    let found = this.#puts.get(key)
    if (found === undefined) {
      found = { begun: 0, flying: 0 }
      this.#puts.set(key, found)
    }
    return found
  }
}

/** True where the region may have created the resource all the same. 501 and 507 say that it has not. */
function isDoubtful({ status }: Reply): boolean {
  return status >= 500 && status !== 501 && status !== 507
}

function isSuccess(reply: Reply): boolean {
  return reply.status >= 200 && reply.status < 300
}

function notFound(path: ProviderPath): Refusal {
  const message = `The Resource '${path.type}/${path.name}' under resource group '${path.resourceGroup}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`
  return new Refusal(404, 'ResourceNotFound', message)
}

/** What a PUT is answered that names another location than the one in which the resource is. */
function elsewhere({ name, region: at }: Entry, region: string, group: Group): Refusal {
  const message = `The resource '${name}' already exists in location '${at}' in resource group '${group.name}'. A resource with the same name cannot be created in location '${region}'. Please select a new resource name.`
  return new Refusal(409, 'InvalidResourceLocation', message)
}

/** Each of these services has its own code for a global name that somebody else holds. */
function nameTaken(path: ProviderPath): Refusal {
  const code = NAME_TAKEN[path.type.toLowerCase()] ?? 'AlreadyInUse'
  return new Refusal(409, code, `The name '${path.name}' of the ${path.type} is already taken.`)
}

const NAME_TAKEN: Readonly<Record<string, string>> = {
  'microsoft.storage/storageaccounts': 'StorageAccountAlreadyTaken',
  'microsoft.keyvault/vaults': 'VaultAlreadyExists',
}
