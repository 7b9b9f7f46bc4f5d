import { Refusal } from '../../refusal.ts'
import { WINDOWS_ZONES } from './windows-zones.ts'

/** What the clocks on the wall show in some zone. `month` is 1 to 12, `weekDay` 0 is Sunday. */
export interface Wall {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly weekDay: number
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** The IANA name of a zone given by its Windows or IANA name; 400 where nobody knows it. */
export function zoneOf(name: string): string {
  const zone = WINDOWS_ZONES.get(name.toLowerCase()) ?? name
  try {
    formatOf(zone)
    return zone
  } catch {
    throw new Refusal(400, 'UserError', `The time zone '${name}' is not known.`)
  }
}

/** What the clocks of the zone show at an instant. */
export function wallOf(instant: number, zone: string): Wall {
  const parts = Object.fromEntries(
    formatOf(zone)
      .formatToParts(instant)
      .map(({ type, value }) => [type, Number(value)]),
  )
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts
  return { year, month, day, hour, minute, second, weekDay: new Date(Date.UTC(year, month - 1, day)).getUTCDay() }
}

/**
 * The instant at which the clocks of the zone show this.
 *
 * A time that the clocks leap over in spring is taken as much later as they leap; of a time
 * that they show twice in autumn the first is taken.
 */
export function instantOf(wall: Omit<Wall, 'second' | 'weekDay'>, zone: string): number {
  const asUtc = Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute)
  const before = asUtc - offsetAt(asUtc - 86_400_000, zone)
  if (offsetAt(before, zone) === asUtc - before) return before
  const after = asUtc - offsetAt(asUtc + 86_400_000, zone)
  return offsetAt(after, zone) === asUtc - after ? after : before
}

function offsetAt(instant: number, zone: string): number {
  const { year, month, day, hour, minute, second } = wallOf(instant, zone)
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  formats.set(zone, format)
  return format
}
