import { Fault, isFault } from '../core/errors.ts'
import type { Json, JsonObject } from '../core/model.ts'
import type { Answer, Request, Send } from './tracking.ts'

/** The ways in which MLflow's APIs are asked: absence is `undefined`, a refusal is a fault, a list goes to its end. */
export interface Calls {
  call(request: Request): Promise<JsonObject>
  optional(request: Request): Promise<JsonObject | undefined>
  pages(ask: (token: string | undefined) => Request): AsyncIterable<JsonObject>
}

export function callsOf(send: Send): Calls {
  async function call(request: Request): Promise<JsonObject> {
    const answer = await send(request)
    if (answer.status < 300) return answer.body
    throw refused(request, answer)
  }

  async function optional(request: Request): Promise<JsonObject | undefined> {
    const answer = await send(request)
    if (answer.status < 300) return answer.body
    if (answer.status === 404 || answer.body['error_code'] === ABSENT) return undefined
    throw refused(request, answer)
  }

  async function* pages(ask: (token: string | undefined) => Request): AsyncIterable<JsonObject> {
    const seen = new Set<string>()
    let token: string | undefined
    do {
      const request = ask(token)
      const page = await call(request)
      yield page
      const next = page['next_page_token']
      token = typeof next === 'string' && next !== '' ? next : undefined
      if (token !== undefined && seen.has(token)) throw circling(request)
      if (token !== undefined) seen.add(token)
    } while (token !== undefined)
  }

  return { call, optional, pages }
}

/** What follows the path of a request: `?…`, or nothing. */
export function searchOf(query: Request['query']): string {
  if (query === undefined) return ''
  const pairs = Object.entries(query).flatMap(([name, of]) => [of].flat().map((one) => [name, one] as [string, string]))
  return `?${new URLSearchParams(pairs)}`
}

export function listOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly JsonObject[]) : []
}

export function textOf(value: Json | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

export function refused(request: Pick<Request, 'path'>, answer: Answer): Fault {
  const vendorCode = String(answer.body['error_code'] ?? answer.status)
  const message = String(answer.body['message'] ?? 'no reason given')
  const code = DISABLED.has(vendorCode) ? 'azure/refused' : codeOf(answer.status)
  return new Fault(code, `${request.path} was answered ${answer.status} ${vendorCode}: ${message}`, {
    facts: { status: answer.status, vendorCode },
    hint: HINTS[code],
  })
}

const ABSENT = 'RESOURCE_DOES_NOT_EXIST'
/**
 * What a server says, with 500, of an API that it has and its store has not: of a folder of files
 * (`mlflow/store/_sql_backend_utils.py`, 3.15, has the code and no status for it).
 */
const DISABLED = new Set(['FEATURE_DISABLED', 'NOT_IMPLEMENTED'])

/**
 * True for the refusal of a server that has no such API: MLflow 2 answers 404 in HTML or with `ENDPOINT_NOT_FOUND`, Azure
 * ML 404 with nothing (azure-sdk-for-python#44896). A thing that is asked for and not there is told by a code of its own.
 */
export function lacksApi(thrown: unknown): boolean {
  if (!isFault(thrown, 'azure/refused') || thrown.facts['vendorCode'] === ABSENT) return false
  return DISABLED.has(String(thrown.facts['vendorCode'])) || [404, 405, 501].includes(Number(thrown.facts['status']))
}

type RefusalCode = 'azure/throttled' | 'azure/denied' | 'azure/unreachable' | 'azure/refused'

function codeOf(status: number): RefusalCode {
  if (status === 429) return 'azure/throttled'
  if (status === 401 || status === 403) return 'azure/denied'
  return status === 408 || (status >= 500 && status !== 501) ? 'azure/unreachable' : 'azure/refused'
}

const HINTS: Readonly<Record<RefusalCode, string>> = {
  'azure/throttled': 'Wait and run it again; it goes on where it was.',
  'azure/denied': 'Give the identity a role that may read and write the run history.',
  'azure/unreachable': 'Look at the health of the tracking server; run it again when it answers.',
  'azure/refused': 'Look at what the tracking server says of this request.',
}

function circling(request: Request): Fault {
  return new Fault('observe/incomplete', `${request.path} gave the same page token twice: its list has no end`, {
    hint: 'Run it again; if it stays so, the server’s paging is broken.',
  })
}
