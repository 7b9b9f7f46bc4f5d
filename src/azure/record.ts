import type { Json } from '../core/model.ts'
import type { Exchange } from './exchange.ts'
import { redacted, redactedJson } from './redact.ts'

/** One exchange as it is recorded. Holds no secret. */
export interface Recorded {
  readonly method: string
  readonly url: string
  readonly sent?: Json
  /** `undefined` where nothing answered; `thrown` then says why. */
  readonly status?: number
  readonly got?: Json
  readonly thrown?: string
  readonly milliseconds: number
}

/** Tells every exchange to `record`, without secrets. */
export function recording(
  inner: Exchange,
  record: (line: Recorded) => void,
  now: () => number = () => performance.now(),
): Exchange {
  return async (request) => {
    const from = now()
    const asked = {
      method: request.method,
      url: redacted(request.url),
      ...(request.body === undefined ? {} : { sent: redactedJson(request.body) }),
    }
    try {
      const reply = await inner(request)
      const got = reply.body === undefined ? {} : { got: redactedJson(reply.body) }
      record({ ...asked, status: reply.status, ...got, milliseconds: now() - from })
      return reply
    } catch (thrown) {
      record({ ...asked, thrown: redacted(String((thrown as Error).message)), milliseconds: now() - from })
      throw thrown
    }
  }
}
