import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { XMLParser } from 'fast-xml-parser'
import type { Dispatcher, ProxyAgent } from 'undici'
import type { Region } from '../../region.ts'
import { blobFolder, type Folder, type Location } from './folder.ts'
import { Unresolved } from './locations.ts'

const AUDIENCE = 'https://storage.azure.com'
const TOKEN_SECONDS = 3600
const PAGE = 1000
const PATIENCE_MILLISECONDS = 30_000

/**
 * Storage as jobs reach it: accounts of this region directly, those of other regions over the wire.
 *
 * Over the wire a job's data goes through the proxy under the name of the region, so an outage of
 * the other region, or a cut between the two, meets it as it meets every client.
 */
export class Storage {
  readonly #region: Region
  #agent: ProxyAgent | undefined
  #token: { readonly text: string; readonly until: number } | undefined

  constructor(region: Region) {
    this.#region = region
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
    await this.#agent?.destroy()
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
    const { proxy, root, name } = this.#region
    if (proxy === undefined) throw new Unresolved(`${url} is not in ${name}, and no proxy leads out of it.`)
    const through = new URL(proxy)
    const known = Buffer.from(`${name}:`).toString('base64')
    const undici = await import('undici')
    this.#agent ??= new undici.ProxyAgent({
      uri: through.origin,
      token: `Basic ${known}`,
      headersTimeout: PATIENCE_MILLISECONDS,
      bodyTimeout: PATIENCE_MILLISECONDS,
      requestTls: { ca: readFileSync(join(root, 'ca.pem'), 'utf8') },
    })
    const headers = {
      authorization: `Bearer ${await this.#signed()}`,
      'x-ms-version': '2021-12-02',
      ...more.headers,
    }
    try {
      return await undici.request(url, { method, headers, body: more.body ?? null, dispatcher: this.#agent })
    } catch (failure) {
      // What broke off the body is not the storage's doing, and is known to whoever made the body.
      if (more.body?.errored != null) throw more.body.errored
      const { host, pathname } = new URL(url)
      throw new Error(`${method} ${host}${pathname} was not answered: ${messageOf(failure)}`, { cause: failure })
    }
  }

  async #signed(): Promise<string> {
    if (this.#token === undefined || this.#token.until < Date.now()) {
      const claims = { subject: `compute-${this.#region.name}`, audience: AUDIENCE, lifetimeSeconds: TOKEN_SECONDS }
      this.#token = { text: await this.#region.tokens.issue(claims), until: Date.now() + (TOKEN_SECONDS * 1000) / 2 }
    }
    return this.#token.text
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
