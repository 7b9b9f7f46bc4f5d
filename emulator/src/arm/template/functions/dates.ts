import { lookup } from '../../../lookup.ts'
import { type Args, type FunctionTable, fn } from './args.ts'

const MONTHS = 'January February March April May June July August September October November December'.split(' ')
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')

/** Time. `utcNow` may only stand in default values of parameters. */
export const dateFunctions: FunctionTable = {
  utcnow: fn(0, 1, (args, scope) => {
    const now = scope.now ?? args.refuse('is not expected at this location: it may only be used in a default value.')
    return formatDate(new Date(now()), args.textOr(0, 'yyyyMMddTHHmmssZ'))
  }),
  datetimeadd: fn(2, 3, (args) => {
    const moved = plusDuration(instant(args, 0), args.text(1))
    if (moved === undefined) args.refuse(`cannot read '${args.text(1)}' as a duration of ISO 8601.`)
    return formatDate(moved ?? new Date(0), args.textOr(2, 'yyyy-MM-ddTHH:mm:ssZ'))
  }),
  datetimetoepoch: fn(1, 1, (args) => Math.floor(instant(args, 0).getTime() / 1000)),
  datetimefromepoch: fn(1, 1, (args) => formatDate(new Date(args.integer(0) * 1000), 'yyyy-MM-ddTHH:mm:ssZ')),
}

function instant(args: Args, index: number): Date {
  const text = args.text(index)
  const compact = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  const iso = compact === null ? text : compact[0].replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z')
  const zoned = /[zZ]|[-+]\d\d:?\d\d$/.test(iso) ? iso : `${iso}Z`
  const date = new Date(zoned.replace(/^(\d{4}-\d\d-\d\d) /, '$1T'))
  return Number.isNaN(date.getTime()) ? args.refuse(`cannot read '${text}' as a date.`) : date
}

/**
 * The date plus a duration such as `P3Y`, `-P9D` or `PT1H30M`; `undefined` where the text is none.
 *
 * A year is 365 days and a month 30, as the reference of `dateTimeAdd` says.
 */
export function plusDuration(date: Date, duration: string): Date | undefined {
  const found =
    /^([-+])?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(
      duration,
    )
  if (found === null || /[PT]$/.test(duration)) return undefined
  const sign = found[1] === '-' ? -1 : 1
  const [years = 0, months = 0, weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = found
    .slice(2)
    .map((part) => sign * Number(part ?? 0))
  const inDays = years * 365 + months * 30 + weeks * 7 + days
  return new Date(date.getTime() + ((inDays * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1000)
}

/** Standard formats of .NET in the invariant culture. */
const STANDARD: Readonly<Record<string, string>> = lookup({
  d: 'MM/dd/yyyy',
  D: 'dddd, dd MMMM yyyy',
  f: 'dddd, dd MMMM yyyy HH:mm',
  F: 'dddd, dd MMMM yyyy HH:mm:ss',
  g: 'MM/dd/yyyy HH:mm',
  G: 'MM/dd/yyyy HH:mm:ss',
  m: 'MMMM dd',
  M: 'MMMM dd',
  o: "yyyy-MM-ddTHH:mm:ss.fff'0000Z'",
  O: "yyyy-MM-ddTHH:mm:ss.fff'0000Z'",
  r: "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
  R: "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
  s: 'yyyy-MM-ddTHH:mm:ss',
  t: 'HH:mm',
  T: 'HH:mm:ss',
  u: 'yyyy-MM-dd HH:mm:ssZ',
  U: 'dddd, dd MMMM yyyy HH:mm:ss',
  y: 'yyyy MMMM',
  Y: 'yyyy MMMM',
})

const PARTS = /'([^']*)'|"([^"]*)"|\\(.)|y{1,4}|M{1,4}|d{1,4}|H{1,2}|h{1,2}|m{1,2}|s{1,2}|f{1,7}|F{1,7}|t{1,2}|zzz|K/g

/** A date in UTC in a format of .NET: a standard letter, or a pattern of its own. */
export function formatDate(date: Date, format: string): string {
  const pattern = STANDARD[format] ?? format
  return pattern.replace(PARTS, (part, single?: string, double?: string, escapedLetter?: string) => {
    const literal = single ?? double ?? escapedLetter
    return literal ?? datePart(date, part)
  })
}

function datePart(date: Date, part: string): string {
  const iso = date.toISOString()
  const number = (value: number) => String(value).padStart(part.length, '0')
  switch (part.charAt(0)) {
    case 'y':
      return part.length > 2 ? iso.slice(0, 4) : number(date.getUTCFullYear() % 100)
    case 'M':
      return part.length < 3 ? number(date.getUTCMonth() + 1) : worded(MONTHS, date.getUTCMonth(), part.length)
    case 'd':
      return part.length < 3 ? number(date.getUTCDate()) : worded(DAYS, date.getUTCDay(), part.length)
    case 'H':
      return number(date.getUTCHours())
    case 'h':
      return number(date.getUTCHours() % 12 || 12)
    case 'm':
      return number(date.getUTCMinutes())
    case 's':
      return number(date.getUTCSeconds())
    case 't':
      return (date.getUTCHours() < 12 ? 'AM' : 'PM').slice(0, part.length)
    case 'z':
      return '+00:00'
    case 'K':
      return 'Z'
    default:
      return String(date.getUTCMilliseconds()).padStart(3, '0').padEnd(7, '0').slice(0, part.length)
  }
}

function worded(words: readonly string[], index: number, letters: number): string {
  const word = words[index] ?? ''
  return letters === 3 ? word.slice(0, 3) : word
}
