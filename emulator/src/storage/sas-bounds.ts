import { forbidden, notAuthenticated } from './refusals.ts'
import type { SasFields } from './sas.ts'

/** Everybody who reaches the emulator is on this machine. */
const CLIENT = '127.0.0.1'
const VERSION = /^\d{4}-\d\d-\d\d$/
const PROTOCOLS: readonly (string | undefined)[] = [undefined, '', 'https', 'https,http', 'http,https']
const AHEAD = 5 * 60 * 1000

/** The parameters of a SAS. Refuses one with a parameter twice, which signature and operation might read differently. */
export function sasOf(query: URLSearchParams): SasFields {
  for (const name of query.keys()) {
    if (query.getAll(name).length > 1) throw notAuthenticated(`The query parameter '${name}' is there twice.`)
  }
  return Object.fromEntries(query)
}

/** Refuses a SAS of an unreadable version, for another protocol than this, or for another address. */
export function checkBounds({ sv, spr, sip }: SasFields): void {
  if (!VERSION.test(sv ?? '')) throw notAuthenticated(`sv is '${sv ?? ''}', which is no version.`)
  if (!PROTOCOLS.includes(spr)) throw notAuthenticated(`spr is '${spr}', and neither https nor https,http.`)
  if (sip && !covers(sip, CLIENT)) {
    throw forbidden('AuthorizationSourceIPMismatch', ` using this source IP ${CLIENT}`)
  }
}

/** Refuses a SAS before its start, with some minutes for clocks that differ, and after its end. */
export function checkTimes(start: string | undefined, expiry: string | undefined, now: number): void {
  const from = start ? Date.parse(start) : Number.NEGATIVE_INFINITY
  const to = Date.parse(expiry ?? '')
  if (from <= now + AHEAD && now < to) return
  const window = `Signed expiry time [${expiry ?? ''}] and start time [${start ?? ''}]`
  throw notAuthenticated(
    `Signature not valid in the specified time frame: ${window}, now is [${new Date(now).toUTCString()}].`,
  )
}

/** True if the range, an address or two with a hyphen, has the address in it. */
function covers(range: string, address: string): boolean {
  const [first = '', last = first] = range.split('-')
  const [from, to, at] = [numberOf(first), numberOf(last), numberOf(address)]
  return from <= at && at <= to
}

/** An IPv4 address as a number; NaN for what is none, which is in no range. */
function numberOf(address: string): number {
  const parts = address.split('.')
  const known = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)
  return known ? parts.reduce((sum, part) => sum * 256 + Number(part), 0) : Number.NaN
}
