import { Cron } from 'croner'
import { lookup } from '../../lookup.ts'
import { Refusal } from '../../refusal.ts'
import { instantOf, wallOf, zoneOf } from './wall-time.ts'

const DAY = 86_400_000
const FIXED: Readonly<Record<string, number>> = lookup({ minute: 60_000, hour: 3_600_000 })
const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
/** How many days back the latest instant is looked for: longer than any sensible interval. */
const HORIZON_DAYS = 3700

/** When a schedule fires. All instants are milliseconds since 1970. */
export interface Trigger {
  /** The latest instant after `after` and not after `upTo`; `undefined` where there is none. */
  latest(after: number, upTo: number): number | undefined
}

/**
 * Reads a trigger as the vendor's schedules have it: `Cron` or `Recurrence`.
 *
 * `born` is when the schedule was made: a recurrence without a start time counts from there.
 * Refuses with 400 what could never fire or is not understood.
 */
export function triggerOf(value: unknown, born: number): Trigger {
  const trigger = fieldsOf(value, 'trigger')
  const zone = zoneOf(textOf(trigger['timeZone']) ?? 'UTC')
  const start = momentOf(trigger['startTime'], zone, 'trigger.startTime')
  const end = momentOf(trigger['endTime'], zone, 'trigger.endTime') ?? Number.POSITIVE_INFINITY
  const type = textOf(trigger['triggerType'])?.toLowerCase()
  if (type === 'cron') return bounded(cron(trigger, zone), start ?? Number.NEGATIVE_INFINITY, end)
  if (type === 'recurrence') return bounded(recurrence(trigger, zone, start ?? born), start ?? born, end)
  throw invalid(`The trigger type '${trigger['triggerType']}' is neither Cron nor Recurrence.`)
}

function bounded(inner: Trigger, start: number, end: number): Trigger {
  return {
    latest: (after, upTo) => {
      const from = Math.max(after, start - 1)
      const to = Math.min(upTo, end)
      return from < to ? inner.latest(from, to) : undefined
    },
  }
}

function cron(trigger: Readonly<Record<string, unknown>>, zone: string): Trigger {
  const expression = textOf(trigger['expression']) ?? ''
  if (expression.trim().split(/\s+/).length !== 5) {
    throw invalid(`The cron expression '${expression}' does not have five fields.`)
  }
  let pattern: Cron
  try {
    pattern = new Cron(expression, { timezone: zone, paused: true })
  } catch (failure) {
    throw invalid(`The cron expression '${expression}' is not valid: ${(failure as Error).message}`)
  }
  return {
    latest: (after, upTo) => {
      const [found] = pattern.previousRuns(1, new Date(upTo + 1000 - (upTo % 1000)))
      const instant = found?.getTime()
      return instant !== undefined && instant > after && instant <= upTo ? instant : undefined
    },
  }
}

interface Recurrence {
  readonly frequency: string
  readonly interval: number
  readonly zone: string
  /** First instant; intervals count from it. */
  readonly anchor: number
  readonly hours: readonly number[]
  readonly minutes: readonly number[]
  readonly weekDays: readonly number[]
  readonly monthDays: readonly number[]
}

function recurrence(trigger: Readonly<Record<string, unknown>>, zone: string, anchor: number): Trigger {
  const frequency = textOf(trigger['frequency'])?.toLowerCase() ?? ''
  const interval = trigger['interval']
  if (typeof interval !== 'number' || !Number.isInteger(interval) || interval < 1) {
    throw invalid(`The interval of the trigger is '${interval}', which is not a whole number above 0.`)
  }
  const fixed = FIXED[frequency]
  if (fixed !== undefined) return every(interval * fixed, anchor)
  if (!['day', 'week', 'month'].includes(frequency)) {
    throw invalid(`The frequency '${trigger['frequency']}' is not Minute, Hour, Day, Week or Month.`)
  }
  const schedule = trigger['schedule'] == null ? {} : fieldsOf(trigger['schedule'], 'trigger.schedule')
  const first = wallOf(anchor, zone)
  const days = listOf(schedule['weekDays'], 'weekDays').map((day) => WEEKDAYS.indexOf(String(day).toLowerCase()))
  if (days.includes(-1)) throw invalid('The trigger names a day of the week that does not exist.')
  return calendar({
    frequency,
    interval,
    zone,
    anchor,
    hours: numbersOf(schedule['hours'], 'hours', [0, 23]) ?? [first.hour],
    minutes: numbersOf(schedule['minutes'], 'minutes', [0, 59]) ?? [first.minute],
    weekDays: days.length > 0 || frequency !== 'week' ? days : [first.weekDay],
    monthDays: numbersOf(schedule['monthDays'], 'monthDays', [-31, 31]) ?? (frequency === 'month' ? [first.day] : []),
  })
}

function every(period: number, anchor: number): Trigger {
  return {
    latest: (after, upTo) => {
      const instant = anchor + Math.floor((upTo - anchor) / period) * period
      return instant > after && instant >= anchor ? instant : undefined
    },
  }
}

/** Looks from the last day backwards, so that the latest is found first. */
function calendar(rule: Recurrence): Trigger {
  return {
    latest: (after, upTo) => {
      const last = dayNumber(upTo, rule.zone)
      const earliest = Math.max(dayNumber(after, rule.zone), last - HORIZON_DAYS)
      for (let day = last; day >= earliest; day--) {
        if (!matches(rule, day)) continue
        const found = instantsOn(rule, day).filter((instant) => instant > after && instant <= upTo)
        if (found.length > 0) return Math.max(...found)
      }
      return undefined
    },
  }
}

/** Days since 1970 on the calendar of the zone. */
function dayNumber(instant: number, zone: string): number {
  const { year, month, day } = wallOf(instant, zone)
  return Date.UTC(year, month - 1, day) / DAY
}

function matches(rule: Recurrence, day: number): boolean {
  const date = new Date(day * DAY)
  const weekDay = date.getUTCDay()
  const first = dayNumber(rule.anchor, rule.zone)
  if (rule.weekDays.length > 0 && !rule.weekDays.includes(weekDay)) return false
  if (rule.frequency === 'day') return (day - first) % rule.interval === 0
  if (rule.frequency === 'week') return (weekOf(day) - weekOf(first)) % rule.interval === 0
  const ofMonth = date.getUTCDate()
  const length = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  const wanted = rule.monthDays.length === 0 || rule.monthDays.some((n) => (n < 0 ? length + 1 + n : n) === ofMonth)
  return wanted && (monthOf(day) - monthOf(first)) % rule.interval === 0
}

/** Weeks since the first Sunday of 1970. */
function weekOf(day: number): number {
  return Math.floor((day + 4) / 7)
}

function monthOf(day: number): number {
  const date = new Date(day * DAY)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}

function instantsOn(rule: Recurrence, day: number): number[] {
  const date = new Date(day * DAY)
  const [year, month, ofMonth] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()]
  return rule.hours.flatMap((hour) =>
    rule.minutes.map((minute) => instantOf({ year, month, day: ofMonth, hour, minute }, rule.zone)),
  )
}

function momentOf(value: unknown, zone: string, subject: string): number | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const text = String(value)
  const moment = /(z|[+-]\d\d:?\d\d)$/i.test(text) ? Date.parse(text) : localMoment(text, zone)
  if (Number.isNaN(moment)) throw invalid(`The field '${subject}' is '${text}', which is not a date and time.`)
  return moment
}

/** A date and time without an offset is meant on the clocks of the trigger's own zone. */
function localMoment(text: string, zone: string): number {
  const asUtc = Date.parse(`${text.includes('T') ? text : `${text.replace(' ', 'T')}`}${text.length > 10 ? 'Z' : ''}`)
  if (Number.isNaN(asUtc)) return asUtc
  const { year, month, day, hour, minute } = wallOf(asUtc, 'UTC')
  return instantOf({ year, month, day, hour, minute }, zone) + (asUtc % 60_000)
}

function fieldsOf(value: unknown, subject: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw invalid(`The field '${subject}' is not a JSON object.`)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function listOf(value: unknown, subject: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value
  throw invalid(`The field 'trigger.schedule.${subject}' is not a list.`)
}

function numbersOf(value: unknown, subject: string, [least, most]: readonly [number, number]): number[] | undefined {
  const numbers = listOf(value, subject).map(Number)
  if (numbers.some((n) => !Number.isInteger(n) || n < least || n > most)) {
    throw invalid(`The field 'trigger.schedule.${subject}' has a value that is not between ${least} and ${most}.`)
  }
  return numbers.length === 0 ? undefined : numbers
}

function invalid(message: string): Refusal {
  return new Refusal(400, 'UserError', message)
}
