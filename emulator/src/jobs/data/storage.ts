import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { XMLParser } from 'fast-xml-parser'
import type { Dispatcher } from 'undici'
import { NoWay, Outward } from '../../outward.ts'
import type { Region } from '../../region.ts'
import { blobFolder, type Folder, type Location } from './folder.ts'
import { Unresolved } from './locations.ts'

const AUDIENCE = 'https://storage.azure.com'
const PAGE = 1000

/**
 * Storage as jobs reach it: accounts of this region directly, those of other regions over the wire.
 *
 * Over the wire a job's data goes as everything that the region sends ({@link Outward}).
 */
export class Storage {
  readonly #region: Region
  readonly #outward: Outward

  constructor(region: Region) {
    this.#region = region
    this.#outward = new Outward(region, { subject: `compute-${region.name}`, audience: AUDIENCE })
  }

  /** Everything below a location. */
  folder(location: Location): Folder {
    return this.#isHere(location) ? blobFolder(this.#region, location) : this.#remoteFolder(location)
  }

  /** True if a blob of exactly this name is there: then the location is a file and not a folder. */
  async isFile(location: Location): Promise<boolean> {
    const { account, container, path } = location
    if (path === '') return false
    if (this.#isHere(location)) return this.#region.blobs.info({ account, container, name: path }) !== undefined
    const { statusCode, body } = await this.#send('HEAD', addressOf(location))
    await body.dump()
    return statusCode === 200
  }

  /** Makes the container of a location that is about to be written. */
  async ensureContainer(location: Location): Promise<void> {
    const { account, container } = location
    if (this.#isHere(location)) return this.#region.blobs.ensureContainer(account, container)
    const { statusCode, body } = await this.#send('PUT', `${addressOf({ ...location, path: '' })}?restype=container`)
    await body.dump()
    if (statusCode !== 409) expect(statusCode, 201, `The container ${account}/${container} cannot be made`)
  }

  async close(): Promise<void> {
    await this.#outward.close()
  }

  #isHere({ account }: Location): boolean {
    return this.#region.blobs.account(account) !== undefined
  }

  #remoteFolder(location: Location): Folder {
    const at = (name: string) => addressOf({ ...location, path: [location.path, name].filter(Boolean).join('/') })
    return {
      list: () => this.#list(location),
      read: async (name) => {
        const { statusCode, body } = await this.#send('GET', at(name))
        if (statusCode !== 200) await body.dump()
        expect(statusCode, 200, `${at(name)} cannot be read`)
        return body
      },
      write: async (name, content, size) => {
        const headers = { 'x-ms-blob-type': 'BlockBlob', 'content-length': String(size) }
        const { statusCode, body } = await this.#send('PUT', at(name), { headers, body: content })
        await body.dump()
        expect(statusCode, 201, `${at(name)} cannot be written`)
      },
      remove: async (name) => {
        const { statusCode, body } = await this.#send('DELETE', at(name))
        await body.dump()
        if (statusCode !== 404) expect(statusCode, 202, `${at(name)} cannot be removed`)
      },
    }
  }

  async *#list(location: Location): AsyncGenerator<string> {
    const prefix = location.path === '' ? '' : `${location.path}/`
    let marker = ''
    do {
      const query = new URLSearchParams({
        restype: 'container',
        comp: 'list',
        maxresults: String(PAGE),
        prefix,
        marker,
      })
      const url = `${addressOf({ ...location, path: '' })}?${query}`
      const { statusCode, body } = await this.#send('GET', url)
      const xml = await text(body)
      if (statusCode === 404) return
      expect(statusCode, 200, `${url} cannot be listed`)
      const page = namesIn(xml)
      for (const name of page.names) yield name.slice(prefix.length)
      marker = page.next
    } while (marker !== '')
  }

  async #send(
    method: Dispatcher.HttpMethod,
    url: string,
    more: { readonly headers?: Readonly<Record<string, string>>; readonly body?: Readable } = {},
  ): Promise<Dispatcher.ResponseData> {
    const headers = { 'x-ms-version': '2021-12-02', ...more.headers }
    try {
      return await this.#outward.send({ method, url, headers, body: more.body })
    } catch (failure) {
      if (failure instanceof NoWay) throw new Unresolved(failure.message)
      // What broke off the body is not the storage's doing, and is known to whoever made the body.
      if (more.body?.errored != null) throw more.body.errored
      const { host, pathname } = new URL(url)
      throw new Error(`${method} ${host}${pathname} was not answered: ${messageOf(failure)}`, { cause: failure })
    }
  }
}

function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure)
}

function addressOf({ account, container, path }: Location): string {
  const names = [container, ...(path === '' ? [] : path.split('/'))]
  return `https://${account}.blob.core.windows.net/${names.map(encodeURIComponent).join('/')}`
}

function expect(status: number, wanted: number, what: string): void {
  if (status !== wanted) throw new Error(`${what}: the storage answers ${status}.`)
}

function namesIn(xml: string): { readonly names: readonly string[]; readonly next: string } {
  const parser = new XMLParser({ ignoreAttributes: false, parseTagValue: false, trimValues: false })
  const { Blobs, NextMarker } = parser.parse(xml).EnumerationResults
  const found = [Blobs?.Blob ?? []].flat() as { readonly Name: string | Encoded }[]
  const names = found.map(({ Name }) => (typeof Name === 'string' ? Name : decodeURIComponent(Name['#text'])))
  return { names, next: typeof NextMarker === 'string' ? NextMarker : '' }
}

interface Encoded {
  readonly '#text': string
}
