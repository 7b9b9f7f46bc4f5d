import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { HttpOperationResponse, IHttpClient, WebResource } from '@azure/storage-blob'
import { XMLParser } from 'fast-xml-parser'

/** One answer as far as it can be compared between two services: facts by their names. */
export type Facts = Readonly<Record<string, string>>

/** What differs on every answer of everybody, or says nothing of the request. */
const SILENT = new Set([
  'connection',
  'date',
  'keep-alive',
  'server',
  'transfer-encoding',
  'x-ms-client-request-id',
  'x-ms-request-id',
])

const xml = new XMLParser({ ignoreAttributes: false, parseTagValue: false, ignoreDeclaration: true, trimValues: false })

/** A client that notes what was asked and what was answered. */
export class Recorder implements IHttpClient {
  readonly #inner: IHttpClient
  readonly #names = new Map<string, string>()
  #taken: Facts[] = []

  constructor(inner: IHttpClient) {
    this.#inner = inner
  }

  async sendRequest(request: WebResource): Promise<HttpOperationResponse> {
    const answer = await this.#inner.sendRequest(request)
    const stream = answer.readableStreamBody
    const bytes = stream === undefined ? Buffer.from(answer.bodyAsText ?? '') : await buffer(stream)
    this.#taken.push(this.#factsOf(answer, bytes))
    return stream === undefined ? answer : { ...answer, readableStreamBody: Readable.from([bytes]) }
  }

  /** What was answered since this was last asked. */
  taken(): readonly Facts[] {
    const taken = this.#taken
    this.#taken = []
    this.#names.clear()
    return taken
  }

  #factsOf({ status, headers }: HttpOperationResponse, bytes: Buffer): Facts {
    const facts: Record<string, string> = { status: String(status) }
    const type = headers.get('content-type') ?? ''
    const batch = type.startsWith('multipart/mixed')
    const isXml = !batch && /^\uFEFF?<\?xml/.test(bytes.toString('utf8', 0, 8))
    for (const { name, value } of headers.headersArray()) {
      if (SILENT.has(name) || ((isXml || batch) && name === 'content-length')) continue
      facts[name] = this.#even(value)
    }
    if (batch) Object.assign(facts, this.#parts(bytes.toString('utf8')))
    else if (isXml) this.#flatten(xml.parse(bytes.toString('utf8').replace(/^\uFEFF/, '')), 'body', facts)
    else facts['body'] = bytes.toString('latin1')
    return facts
  }

  /** Answers within an answer: their status and their codes. */
  #parts(text: string): Record<string, string> {
    const parts = text.split(/^--\S+\r?\n/m).filter((part) => part.includes('HTTP/1.1'))
    const told = parts.map((part, index) => {
      const [, status] = /HTTP\/1.1 (\d+)/.exec(part) ?? []
      const [, code] = /x-ms-error-code: (\S+)/i.exec(part) ?? []
      const [, id] = /content-id: (\S+)/i.exec(part) ?? []
      return [`part ${index}`, [id, status, code].join(' ')]
    })
    return Object.fromEntries(told)
  }

  #flatten(node: unknown, at: string, facts: Record<string, string>): void {
    if (typeof node !== 'object' || node === null) {
      // A message is for people; a request id and a time stand in it.
      const isSpace = at.endsWith('#text') && String(node).trim() === ''
      if (at !== 'body.Error.Message' && !isSpace) facts[at] = this.#even(String(node))
      return
    }
    for (const [name, inner] of Object.entries(node)) this.#flatten(inner, `${at}.${name}`, facts)
  }

  /** Gives what each side makes up for itself a name that is the same on both. */
  #even(value: string): string {
    return value
      .replace(/batchresponse_\S+/g, 'a boundary')
      .replace(/\b0x[0-9A-F]{6,}\b/gi, (one) => this.#name('etag', one))
      .replace(/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi, (one) => this.#name('uuid', one.toLowerCase()))
      .replace(/\b\d{4}-\d\d-\d\dT[\d:.%A]+Z/g, (one) => this.#name('instant', one))
      .replace(/\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT/g, 'a date')
  }

  /** The answer of the step in which the value first stood, and its place among the values of that answer. */
  #name(kind: string, value: string): string {
    const known = this.#names.get(value)
    if (known !== undefined) return known
    const answer = `the ${kind} of answer ${this.#taken.length + 1}`
    const before = [...this.#names.values()].filter((name) => name.startsWith(answer)).length
    const name = before === 0 ? answer : `${answer}, ${before + 1}`
    this.#names.set(value, name)
    return name
  }
}
