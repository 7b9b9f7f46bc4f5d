import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Dispatcher, ProxyAgent } from 'undici'
import type { Region } from './region.ts'

const TOKEN_SECONDS = 3600
const PATIENCE_MILLISECONDS = 30_000

export interface Outgoing {
  readonly method: Dispatcher.HttpMethod
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Readable | Buffer | undefined
}

/** A region has no way to other hosts: it was opened without a proxy. */
export class NoWay extends Error {
  override readonly name = 'NoWay'
}

/**
 * A region's own requests to other hosts, through the proxy under the region's name.
 *
 * So an outage of another region, and a cut between the two, meet it as they meet every client.
 */
export class Outward {
  readonly #region: Region
  readonly #claims: { readonly subject: string; readonly audience: string }
  #agent: ProxyAgent | undefined
  #token: { readonly text: string; readonly until: number } | undefined

  /** `claims` say as whom the region asks, and whom. */
  constructor(region: Region, claims: { readonly subject: string; readonly audience: string }) {
    this.#region = region
    this.#claims = claims
  }

  /** Sends a request with a token of its own, unless it brings one. */
  async send({ method, url, headers, body }: Outgoing): Promise<Dispatcher.ResponseData> {
    const { proxy, root, name } = this.#region
    if (proxy === undefined) throw new NoWay(`${url} is not in ${name}, and no proxy leads out of it.`)
    // Loaded only where a region looks outward: it takes memory.
    const undici = await import('undici')
    this.#agent ??= new undici.ProxyAgent({
      uri: new URL(proxy).origin,
      token: `Basic ${Buffer.from(`${name}:`).toString('base64')}`,
      headersTimeout: PATIENCE_MILLISECONDS,
      bodyTimeout: PATIENCE_MILLISECONDS,
      requestTls: { ca: readFileSync(join(root, 'ca.pem'), 'utf8') },
    })
    const authorization = headers?.['authorization'] ?? `Bearer ${await this.#signed()}`
    const all = { ...headers, authorization }
    return undici.request(url, { method, headers: all, body: body ?? null, dispatcher: this.#agent })
  }

  async close(): Promise<void> {
    await this.#agent?.destroy()
  }

  async #signed(): Promise<string> {
    if (this.#token === undefined || this.#token.until < Date.now()) {
      const claims = { ...this.#claims, lifetimeSeconds: TOKEN_SECONDS }
      this.#token = { text: await this.#region.tokens.issue(claims), until: Date.now() + (TOKEN_SECONDS * 1000) / 2 }
    }
    return this.#token.text
  }
}
