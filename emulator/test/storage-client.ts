import { mkdtemp, rm } from 'node:fs/promises'
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, pipeline, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import {
  BlobServiceClient,
  type HttpHeaders,
  type HttpOperationResponse,
  type IHttpClient,
  type StoragePipelineOptions,
  StorageSharedKeyCredential,
  type WebResource,
} from '@azure/storage-blob'
import { type Dispatcher, request as undiciRequest } from 'undici'
import { type OpenRegion, openRegion } from '../src/region.ts'

/** A region on plain HTTP, and the vendor's client pointed at it under the public names. */
export interface Bench {
  readonly region: OpenRegion
  /** Options for any client class of the vendor's package. */
  readonly options: StoragePipelineOptions
  /** Name of an account that is there. */
  readonly account: string
  /** Its first key. */
  readonly key: string
  readonly service: BlobServiceClient
  /** Sends the requests of the vendor's clients. */
  readonly dial: IHttpClient
  /** Sends a request whose path the vendor's client would not send, and resolves with the status. */
  raw(method: string, path: string, headers: Readonly<Record<string, string>>): Promise<number>
  /** Closes the region and opens it again on the same folder. */
  reopen(): Promise<Bench>
  close(): Promise<void>
}

/** Opens a region in a fresh folder, with one account. */
export async function openBench(root?: string): Promise<Bench> {
  const dir = root ?? (await mkdtemp(join(tmpdir(), 'storage-')))
  const region = await openRegion({ name: 'eastus2', root: dir })
  const port = await region.listen()
  const account = 'benchacct'
  await region.blobs.ensureAccount(account)
  const key = region.blobs.account(account)?.keys[0] ?? ''
  const dial = dialling(port)
  const options = { httpClient: dial, retryOptions: { maxTries: 1 } }
  const credential = new StorageSharedKeyCredential(account, key)
  const service = new BlobServiceClient(urlOf(account), credential, options)
  return {
    region,
    options,
    account,
    key,
    service,
    dial,
    raw: (method, path, headers) =>
      new Promise((resolve, reject) => {
        const host = new URL(urlOf(account)).host
        const sent = httpRequest(
          { host: '127.0.0.1', port, method, path, headers: { ...headers, host } },
          (response) => {
            response.resume()
            resolve(response.statusCode ?? 0)
          },
        )
        sent.on('error', reject).end()
      }),
    reopen: async () => {
      await region.close()
      return openBench(dir)
    },
    close: async () => {
      await region.close()
      await rm(dir, { recursive: true })
    },
  }
}

export function urlOf(account: string): string {
  return `https://${account}.blob.core.windows.net`
}

/** Sends every request to the port, with the host name of its URL in the header; in TLS where an authority is named. */
export function dialling(port: number, ca?: string): IHttpClient {
  return { sendRequest: (request) => send(request, port, ca) }
}

function send(request: WebResource, port: number, ca: string | undefined): Promise<HttpOperationResponse> {
  const url = new URL(request.url)
  const options = {
    host: '127.0.0.1',
    port,
    method: request.method,
    path: request.url.slice(url.origin.length),
    headers: { ...request.headers.toJson({ preserveCase: true }), host: url.host },
    ...(ca === undefined ? {} : { ca, servername: url.hostname }),
  }
  const open = ca === undefined ? httpRequest : httpsRequest
  return new Promise((resolve, reject) => {
    const outgoing = open(options, (response) => {
      const status = response.statusCode ?? 0
      const headers = headersOf(request, response)
      const wanted = request.streamResponseStatusCodes
      if (wanted?.has(status) || wanted?.has(Number.POSITIVE_INFINITY)) {
        resolve({ request, status, headers, readableStreamBody: wholeOrFailing(response) })
        return
      }
      const whole = (body: Buffer) => resolve({ request, status, headers, bodyAsText: body.toString('utf8') })
      buffer(response).then(whole, reject)
    })
    outgoing.on('error', reject)
    sendBody(outgoing, request.body)
  })
}

/** The vendor's package exports the type of its headers and no way to make them: these are the request's, refilled. */
function headersOf(request: WebResource, response: Pick<IncomingMessage, 'headers'>): HttpHeaders {
  const headers = request.headers.clone()
  for (const name of headers.headerNames()) headers.remove(name)
  for (const [name, value] of Object.entries(response.headers)) headers.set(name, String(value))
  return headers
}

function sendBody(outgoing: ClientRequest, body: WebResource['body']): void {
  const given = typeof body === 'function' ? body() : body
  if (given === undefined || given === null) outgoing.end()
  else if (given instanceof Readable) given.pipe(outgoing)
  else if (typeof given === 'string') outgoing.end(given)
  else if (ArrayBuffer.isView(given)) outgoing.end(Buffer.from(given.buffer, given.byteOffset, given.byteLength))
  else if (given instanceof ArrayBuffer) outgoing.end(Buffer.from(given))
  else outgoing.destroy(new Error('the test does not send this kind of body'))
}

/** The body in a stream of its own, which fails where the body breaks off. */
function wholeOrFailing(body: Readable): Readable {
  return pipeline(body, new PassThrough(), () => undefined)
}

/** Sends every request with undici, for instance through a proxy, to the host of its URL. */
export function through(dispatcher: Dispatcher): IHttpClient {
  return {
    sendRequest: async (request) => {
      const given = typeof request.body === 'function' ? request.body() : request.body
      const answer = await undiciRequest(request.url, {
        method: request.method,
        headers: request.headers.toJson(),
        body: (given as Dispatcher.RequestOptions['body']) ?? null,
        dispatcher,
      })
      const { statusCode: status } = answer
      const headers = headersOf(request, answer)
      const wanted = request.streamResponseStatusCodes
      if (wanted?.has(status) || wanted?.has(Number.POSITIVE_INFINITY)) {
        return { request, status, headers, readableStreamBody: wholeOrFailing(answer.body) }
      }
      return { request, status, headers, bodyAsText: await answer.body.text() }
    },
  }
}
