import { randomInt } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Certificates } from '../certificates.ts'
import { reset } from '../faults-meeting.ts'
import { endTls, fedServer } from '../network/dialled.ts'
import type { Link, Links } from '../network/links.ts'
import { frontConnections } from '../server.ts'
import type { Database } from '../state/database.ts'
import { UNNAMED } from './proxy.ts'

/** What doors lead to. */
export interface BehindDoors {
  readonly db: Database
  readonly conditions: { readonly links: Links }
  /** What answers for the hosts that belong to no region. */
  readonly listener: RequestListener
}

export interface DoorParts {
  readonly certificates: Certificates
  /** Asked for each time: it may be another by then, and there may be none. */
  world(): BehindDoors | undefined
}

const TABLE = 'CREATE TABLE IF NOT EXISTS doors (client TEXT PRIMARY KEY, port INTEGER NOT NULL)'
/** Name by which every door is dialled, and for which it has its certificate. */
const HOST = 'localhost'
const MOST_DOORS = 100
/** Where ARM's paths begin. Everything else at a door is sign-in's, whose paths begin with a tenant. */
const ARM_PATH = /^\/+(subscriptions|providers|tenants|metadata)(\/|\?|$)/i

/**
 * The emulator as a cloud of its own: ARM, sign-in and the cloud's metadata at an https port of localhost.
 *
 * For clients that take the address of a cloud and no proxy. Each client has a door to itself, since
 * here the port says who it is. A port is kept, so that a cloud that was registered stays where it is.
 */
export class Doors {
  readonly #parts: DoorParts
  readonly #open = new Map<string, Promise<Server>>()
  readonly #sockets = new Set<Socket>()

  constructor(parts: DoorParts) {
    this.#parts = parts
  }

  /** Address of the cloud for a client, whose door is opened where it is not open yet. */
  async address(client: string = UNNAMED): Promise<string> {
    if (!this.#open.has(client) && this.#open.size >= MOST_DOORS)
      throw new Error(`There are ${MOST_DOORS} doors already.`)
    const opening = this.#open.get(client) ?? this.#openDoor(client)
    this.#open.set(client, opening)
    opening.catch(() => this.#open.delete(client))
    return `https://${HOST}:${portOf(await opening)}`
  }

  /** Ends every connection. The doors stay open. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Writes down where the open doors are, in a store that may know them elsewhere. */
  async keep(): Promise<void> {
    await Promise.all([...this.#open].map(async ([client, opening]) => this.#keep(client, await opening)))
  }

  async close(): Promise<void> {
    const servers = await Promise.all(this.#open.values())
    this.hangUp()
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }

  async #openDoor(client: string): Promise<Server> {
    const { certificates } = this.#parts
    const http = fedServer((request, response) => void this.#enter(request, response, client))
    const server = createServer({ noDelay: true }, (socket) => {
      if (this.#parts.world() === undefined) return void socket.resetAndDestroy()
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      socket.on('error', () => socket.destroy())
      endTls(socket, { host: HOST, client }, { http, certificates }).catch(() => socket.destroy())
    })
    const kept = this.#store().get<{ port: number }>('SELECT port FROM doors WHERE client = ?', client)?.port
    await listen(server, kept ?? steadyPort())
      .catch(() => listen(server, steadyPort()))
      .catch(() => listen(server, 0))
    await this.#keep(client, server)
    return server
  }

  async #keep(client: string, server: Server): Promise<void> {
    const db = this.#store()
    await db.write(() => db.run('INSERT OR REPLACE INTO doors (client, port) VALUES (?, ?)', client, portOf(server)))
  }

  #store(): Database {
    const db = this.#parts.world()?.db
    if (db === undefined) throw new Error('There is nothing behind the doors now.')
    db.migrate(TABLE)
    return db
  }

  /** Lets a request in as if its public name had been dialled, while the network between lets it. */
  async #enter(request: IncomingMessage, response: ServerResponse, client: string): Promise<void> {
    const world = this.#parts.world()
    if (world === undefined) return reset(request.socket)
    const { listener } = world
    const { links } = world.conditions
    const { headers, socket } = request
    const toArm = ARM_PATH.test(request.url ?? '')
    const ends = [client, toArm ? 'arm' : 'signin'] as const
    if (!(await links.passage(ends, socket))) {
      reset(socket)
      return
    }
    const link: Link = { ends, close: () => reset(socket), stall: idle, resume: idle }
    links.track(link)
    response.on('close', () => links.untrack(link))
    headers.referer = `https://${HOST}:${socket.localPort}${request.url}`
    headers.host = toArm ? 'management.azure.com' : 'login.microsoftonline.com'
    frontConnections.add(socket)
    listener(request, response)
  }
}

function idle(): void {
  // An answer that is under way when the way stalls still comes; the next request waits.
}

/** A port that the system hands to nobody by itself (Linux begins at 32768), so that it is still free after a restart. */
function steadyPort(): number {
  return randomInt(20_000, 32_000)
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}
