import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import type { Call, Reply } from '../../call.ts'
import { Refusal } from '../../refusal.ts'
import { receiveBytes, type StorageRequest } from '../request.ts'

const MOST = 256
/** What a batch may hold, by the vendor's page "Blob Batch". */
const ALLOWED = new Set(['Blob_Delete', 'Blob_SetTier'])

/** Blob Batch: many deletions or changes of tier in one request, each with its own authorization and answer. */
export async function submitBatch(request: StorageRequest): Promise<Reply> {
  const { call, target } = request
  const [, boundary] = /^multipart\/mixed;\s*boundary="?([^";\s]+)"?/i.exec(call.headers['content-type'] ?? '') ?? []
  if (boundary === undefined)
    throw new Refusal(400, 'InvalidHeaderValue', 'The body is not multipart/mixed with a boundary.')
  // Taken in here and not kept by the call: signatures stand in it, which the record must not hold.
  const parts = partsOf(Buffer.from((await receiveBytes(request)).data).toString('utf8'), boundary)
  if (parts.length === 0 || parts.length > MOST) {
    throw new Refusal(400, 'InvalidInput', `A batch holds 1 to ${MOST} requests; this one holds ${parts.length}.`)
  }
  const mark = `batchresponse_${randomUUID()}`
  const answers: string[] = []
  for (const part of parts) {
    const one = callOf(call, part.request)
    const isInside = target.container === '' || one.path.startsWith(`/${target.container}/`)
    const reply = isInside ? await request.answer(one) : outside()
    answers.push(`--${mark}\r\nContent-Type: application/http\r\n${part.id}\r\n${printed(one, reply)}`)
  }
  return {
    status: 202,
    headers: { 'content-type': `multipart/mixed; boundary=${mark}` },
    body: `${answers.join('')}--${mark}--\r\n`,
    // Each of its requests has written its own line.
    unlogged: true,
  }
}

/** True for an operation that may stand in a batch. */
export function mayBeInBatch(operation: string): boolean {
  return ALLOWED.has(operation)
}

interface Part {
  /** Line that names the part, given back with its answer. */
  readonly id: string
  readonly request: string
}

function partsOf(text: string, boundary: string): Part[] {
  const pieces = `\r\n${text}`.split(`\r\n--${boundary}`)
  if (pieces.length < 3 || !pieces.at(-1)?.startsWith('--')) throw malformed('its end is missing')
  return pieces.slice(1, -1).map((piece) => {
    const end = piece.indexOf('\r\n\r\n')
    if (end < 0) throw malformed('a part has no head')
    const [, id] = /^content-id:\s*([\w-]{1,64})\s*$/im.exec(piece.slice(0, end)) ?? []
    return { id: id === undefined ? '' : `Content-ID: ${id}\r\n`, request: piece.slice(end + 4) }
  })
}

/** The request in a part, for the same host and by the same client as the batch. */
function callOf(outer: Call, text: string): Call {
  const [first = '', ...lines] = (text.split('\r\n\r\n')[0] ?? '').split('\r\n')
  const [method, target] = first.split(' ')
  if (method === undefined || target?.startsWith('/') !== true || !/ HTTP\/1\.1$/.test(first)) {
    throw malformed(`'${first.slice(0, 100)}' is no request`)
  }
  const headers: IncomingHttpHeaders = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon > 0) headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim()
  }
  const mark = target.indexOf('?')
  return {
    id: randomUUID(),
    correlation: outer.correlation,
    method,
    host: outer.host,
    origin: outer.origin,
    path: mark < 0 ? target : target.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark)),
    target,
    headers,
    client: outer.client,
    body: Readable.from([]),
    bytes: async () => Buffer.alloc(0),
    json: async () => undefined,
    commit: (work) => outer.commit(work),
    caller: outer.caller,
    operation: '',
  }
}

function outside(): Reply {
  return { status: 400, headers: { 'x-ms-error-code': 'InvalidInput' } }
}

const REASONS: Readonly<Record<number, string>> = { 200: 'OK', 202: 'Accepted', 403: 'Forbidden', 404: 'Not Found' }

function printed(call: Call, { status, headers = {}, body }: Reply): string {
  const text = typeof body === 'string' ? body : ''
  const lines = Object.entries({
    ...headers,
    'x-ms-request-id': call.id,
    'content-length': String(Buffer.byteLength(text)),
  })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `HTTP/1.1 ${status} ${REASONS[status] ?? ''}\r\n${head}\r\n${text}${text === '' ? '' : '\r\n'}`
}

function malformed(reason: string): Refusal {
  return new Refusal(400, 'InvalidInput', `The body of the batch is malformed: ${reason}.`)
}
