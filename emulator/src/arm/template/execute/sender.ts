import { setTimeout as sleep } from 'node:timers/promises'
import type { ArmResponse, FrontArm } from '../../../front/front-arm.ts'
import { isArray, isObject, type Json, property, textAt } from '../json.ts'

/** An error as it stands in the envelopes of ARM. */
export interface ArmError {
  readonly code: string
  readonly message: string
  readonly target?: string
  readonly details?: readonly ArmError[]
}

/** How a request that changes something ended, after all polling. */
export type Settled =
  | { readonly ok: true; readonly status: number }
  | { readonly ok: false; readonly status: number; readonly error: ArmError }

const ATTEMPTS = 4
const FIRST_PAUSE = 50
const LONGEST_PAUSE = 1000
/** A poll that nobody answers is asked again this often, about half a minute. */
const UNANSWERED = 30
const LONGEST_OPERATION = 60 * 60 * 1000
const STILL_GOING =
  /^(accepted|creating|running|updating|deleting|inprogress|pending|provisioning|notstarted|resolving)/i

/** Sends the requests of one deployment in the name of its caller. */
export class Sender {
  readonly #front: FrontArm
  readonly #as: { readonly authorization: string; readonly client: string }

  constructor(front: FrontArm, as: { readonly authorization: string; readonly client: string }) {
    this.#front = front
    this.#as = as
  }

  /** One request, tried a few times more where the service is throttled or away. */
  async send(method: string, path: string, body?: Json): Promise<ArmResponse> {
    const call = { method, path, ...this.#as, ...(body === undefined ? {} : { body }) }
    for (let attempt = 1; ; attempt++) {
      const response = await this.#front.request(call)
      if ((response.status !== 429 && response.status !== 503) || attempt === ATTEMPTS) return response
      await pause(Math.min(Number(response.headers['retry-after'] ?? 0) * 1000 || 200 * attempt, 5000))
    }
  }

  /** A request that may begin a long-running operation, followed to its end. */
  async settle(method: string, path: string, body?: Json): Promise<Settled> {
    const first = await this.send(method, path, body)
    if (first.status >= 400) return { ok: false, status: first.status, error: errorOf(first) }
    const status = first.headers['azure-asyncoperation']
    if (status !== undefined) return this.#poll(first, status, statusOf)
    if (first.status === 202 && first.headers['location'] !== undefined) {
      return this.#poll(first, first.headers['location'], (answer) =>
        answer.status === 202 ? undefined : finished(answer),
      )
    }
    const state = provisioningStateOf(first.body)
    if (state === undefined || !STILL_GOING.test(state)) return finished(first)
    return this.#poll(first, path, (answer) => {
      const now = provisioningStateOf(answer.body)
      return now !== undefined && STILL_GOING.test(now) ? undefined : finished(answer)
    })
  }

  async #poll(
    first: ArmResponse,
    address: string,
    read: (answer: ArmResponse) => Settled | undefined,
  ): Promise<Settled> {
    const path = pathOf(address)
    const begun = Date.now()
    let unanswered = 0
    for (let wait = FIRST_PAUSE; Date.now() - begun < LONGEST_OPERATION; wait = Math.min(wait * 1.5, LONGEST_PAUSE)) {
      await pause(wait)
      const answer = await this.#front.request({ method: 'GET', path, ...this.#as })
      const away = answer.status === 429 || answer.status >= 500
      unanswered = away ? unanswered + 1 : 0
      if (away && unanswered < UNANSWERED) continue
      if (answer.status >= 400) return { ok: false, status: answer.status, error: errorOf(answer) }
      const settled = read(answer)
      if (settled !== undefined) return settled.ok ? { ok: true, status: first.status } : settled
    }
    return {
      ok: false,
      status: 504,
      error: { code: 'OperationTimedOut', message: `The operation at '${path}' did not end within an hour.` },
    }
  }
}

/** Waits without keeping the process alive. */
function pause(milliseconds: number): Promise<void> {
  return sleep(milliseconds, undefined, { ref: false })
}

function statusOf(answer: ArmResponse): Settled | undefined {
  const state = isJsonObject(answer.body) ? (textAt(answer.body, 'status') ?? '') : ''
  if (/^succeeded$/i.test(state)) return { ok: true, status: 200 }
  if (!/^(failed|canceled|cancelled)$/i.test(state)) return undefined
  return { ok: false, status: 409, error: errorOf(answer, state) }
}

/** The end of an operation as the resource or the last poll shows it. */
function finished(answer: ArmResponse): Settled {
  if (answer.status >= 400) return { ok: false, status: answer.status, error: errorOf(answer) }
  const state = provisioningStateOf(answer.body) ?? ''
  if (!/^(failed|canceled|cancelled)$/i.test(state)) return { ok: true, status: answer.status }
  return { ok: false, status: 409, error: errorOf(answer, state) }
}

function provisioningStateOf(body: unknown): string | undefined {
  const properties = isJsonObject(body) ? property(body, 'properties') : undefined
  return isObject(properties) ? textAt(properties, 'provisioningState') : undefined
}

/** The error that an answer carries, or one that says what came instead. */
export function errorOf(answer: ArmResponse, state = `status ${answer.status}`): ArmError {
  const body = isJsonObject(answer.body) ? answer.body : {}
  const error = property(body, 'error')
  const found = isObject(error) ? error : body
  const details = property(found, 'details')
  const target = textAt(found, 'target')
  return {
    code: textAt(found, 'code') ?? 'ResourceDeploymentFailure',
    message:
      textAt(found, 'message') ?? `The resource operation completed with terminal provisioning state '${state}'.`,
    ...(target === undefined ? {} : { target }),
    ...(isArray(details) ? { details: details.filter(isArmError) } : {}),
  }
}

function isArmError(value: Json): value is Json & ArmError {
  return isObject(value) && textAt(value, 'code') !== undefined && textAt(value, 'message') !== undefined
}

/** What came over the wire was parsed from JSON, so an object is an object of JSON. */
export function isJsonObject(body: unknown): body is Parameters<typeof property>[0] {
  return typeof body === 'object' && body !== null && !Array.isArray(body)
}

function pathOf(address: string): string {
  if (!/^https?:/i.test(address)) return address
  const { pathname, search } = new URL(address)
  return `${pathname}${search}`
}
