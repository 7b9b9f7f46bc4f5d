import { notImplemented } from './refusal.ts'

/** Last millisecond since 1970 that a date has, and the first one before. */
const LAST_INSTANT = 8_640_000_000_000_000

/** A whole number to be kept. Refuses with 501 one that would be read as another, or not at all. `what` names it. */
export function exact(number: number, what: string): number {
  if (Number.isSafeInteger(number)) return number
  throw notImplemented(`${what} beyond 2^53`)
}

/** Milliseconds since 1970 to be kept. Refuses with 501 those that no date can show, as nanoseconds. `what` names them. */
export function instant(milliseconds: number, what: string): number {
  if (Math.abs(milliseconds) <= LAST_INSTANT) return exact(milliseconds, what)
  throw notImplemented(`${what} later than every date`)
}
