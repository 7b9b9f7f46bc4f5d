import { InvalidArgumentError } from 'commander'
import { type Milliseconds, parseDuration } from '../core/duration.ts'

/** Where something listens. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** Longest span that a timer of Node takes is 24 days; an hour is long enough for all of ours. */
const HOUR = 3_600_000

/** Reads an option that is a whole number. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^\d{1,15}$/.test(text) && number >= least && number <= most) return number
    throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`)
  }
}

/** Reads an option such as `10s`, or as milliseconds: at least so many and at most an hour. */
export function milliseconds(least: number): (text: string) => Milliseconds {
  return (text) => {
    const span = /^\d{1,15}$/.test(text) ? Number(text) : parseDuration(text)
    if (span !== undefined && span >= least && span <= HOUR) return span
    throw new InvalidArgumentError(`Give milliseconds from ${least} to ${HOUR}, or a duration such as 10s.`)
  }
}

/** Reads an option such as `90s` or `2h` that is not nothing. */
export function someDuration(text: string): Milliseconds {
  const span = duration(text)
  if (span > 0) return span
  throw new InvalidArgumentError('Give a duration that is longer than nothing, such as 90s.')
}

/** Reads an option such as `127.0.0.1:7400`, `[::1]:7400` or `localhost:0`. */
export function hostPort(text: string): HostPort {
  const [, inBrackets, plain, digits = ''] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]+)):(\d{1,5})$/.exec(text) ?? []
  const host = inBrackets ?? plain
  if (host !== undefined && Number(digits) <= 65_535) return { host, port: Number(digits) }
  throw new InvalidArgumentError('Give a host and a port from 0 to 65535, such as 127.0.0.1:7400.')
}

/** Reads an option such as `90s` or `2h`. */
export function duration(text: string): Milliseconds {
  const span = parseDuration(text)
  if (span !== undefined) return span
  throw new InvalidArgumentError('Give a duration such as 90s, 5m or 1h30m.')
}
