import { describe, expect, it } from 'vitest'
import { triggerOf } from './trigger.ts'
import { zoneOf } from './wall-time.ts'
import { WINDOWS_ZONES } from './windows-zones.ts'

const HOUR = 3_600_000
const at = (text: string) => Date.parse(text)
const BORN = at('2026-01-15T10:20:30Z')

/** All instants in a stretch of time, found one by one from its end. */
function firings(trigger: unknown, from: string, to: string): string[] {
  const when = triggerOf(trigger, BORN)
  const found: string[] = []
  let upTo = at(to)
  for (let n = 0; n < 100; n++) {
    const instant = when.latest(at(from), upTo)
    if (instant === undefined) break
    found.unshift(new Date(instant).toISOString())
    upTo = instant - 1
  }
  return found
}

describe('a cron trigger', () => {
  it('fires at its minutes, and not at the instant it was last asked about', () => {
    const trigger = { triggerType: 'Cron', expression: '*/20 * * * *', timeZone: 'UTC' }

    expect(firings(trigger, '2026-02-01T00:20:00Z', '2026-02-01T01:00:00Z')).toEqual([
      '2026-02-01T00:40:00.000Z',
      '2026-02-01T01:00:00.000Z',
    ])
  })

  it('keeps to the clocks of its Windows time zone when they change', () => {
    const trigger = { triggerType: 'Cron', expression: '0 9 * * *', timeZone: 'Eastern Standard Time' }

    expect(firings(trigger, '2026-03-07T00:00:00Z', '2026-03-09T00:00:00Z')).toEqual([
      '2026-03-07T14:00:00.000Z',
      '2026-03-08T13:00:00.000Z',
    ])
  })

  it('is silent before its start and after its end', () => {
    const trigger = {
      triggerType: 'Cron',
      expression: '0 * * * *',
      startTime: '2026-02-01T02:00:00',
      endTime: '2026-02-01T04:00:00',
      timeZone: 'W. Europe Standard Time',
    }

    expect(firings(trigger, '2026-01-31T00:00:00Z', '2026-02-02T00:00:00Z')).toEqual([
      '2026-02-01T01:00:00.000Z',
      '2026-02-01T02:00:00.000Z',
      '2026-02-01T03:00:00.000Z',
    ])
  })
})

describe('a recurrence', () => {
  it('counts minutes and hours from its start', () => {
    const trigger = { triggerType: 'Recurrence', frequency: 'Hour', interval: 6, startTime: '2026-02-01T01:30:00Z' }

    expect(firings(trigger, '2026-02-01T00:00:00Z', '2026-02-01T14:00:00Z')).toEqual([
      '2026-02-01T01:30:00.000Z',
      '2026-02-01T07:30:00.000Z',
      '2026-02-01T13:30:00.000Z',
    ])
  })

  it('counts from the birth of the schedule where it has no start', () => {
    const when = triggerOf({ triggerType: 'Recurrence', frequency: 'minute', interval: 1 }, BORN)

    expect(when.latest(BORN, BORN + 150_000)).toBe(BORN + 120_000)
    expect(when.latest(BORN - HOUR, BORN - 1)).toBeUndefined()
  })

  it('fires on named days of the week, at every hour and minute', () => {
    const trigger = {
      triggerType: 'Recurrence',
      frequency: 'Week',
      interval: 2,
      startTime: '2026-02-01T00:00:00Z',
      schedule: { weekDays: ['Monday', 'friday'], hours: [8, 20], minutes: [0] },
    }

    expect(firings(trigger, '2026-02-01T00:00:00Z', '2026-02-17T00:00:00Z')).toEqual([
      '2026-02-02T08:00:00.000Z',
      '2026-02-02T20:00:00.000Z',
      '2026-02-06T08:00:00.000Z',
      '2026-02-06T20:00:00.000Z',
      '2026-02-16T08:00:00.000Z',
      '2026-02-16T20:00:00.000Z',
    ])
  })

  it('finds the last day of each month', () => {
    const trigger = {
      triggerType: 'Recurrence',
      frequency: 'Month',
      interval: 1,
      startTime: '2026-01-01T00:00:00Z',
      schedule: { monthDays: [-1], hours: [23], minutes: [30] },
    }

    expect(firings(trigger, '2026-01-01T00:00:00Z', '2026-03-15T00:00:00Z')).toEqual([
      '2026-01-31T23:30:00.000Z',
      '2026-02-28T23:30:00.000Z',
    ])
  })

  it('fires once at a time that the clocks leap over or show twice', () => {
    const daily = (minutes: number) => ({
      triggerType: 'Recurrence',
      frequency: 'Day',
      interval: 1,
      timeZone: 'Europe/Berlin',
      startTime: '2026-01-01T00:00:00',
      schedule: { hours: [2], minutes: [minutes] },
    })

    expect(firings(daily(30), '2026-03-28T12:00:00Z', '2026-03-29T12:00:00Z')).toEqual(['2026-03-29T01:30:00.000Z'])
    expect(firings(daily(30), '2026-10-24T12:00:00Z', '2026-10-25T12:00:00Z')).toEqual(['2026-10-25T00:30:00.000Z'])
  })
})

describe('a trigger that could never fire', () => {
  it.each([
    [{ triggerType: 'Sometimes' }, "The trigger type 'Sometimes' is neither Cron nor Recurrence."],
    [{ triggerType: 'Cron', expression: 'every day' }, "The cron expression 'every day' does not have five fields."],
    [{ triggerType: 'Recurrence', frequency: 'Day', interval: 0 }, 'which is not a whole number above 0'],
    [{ triggerType: 'Recurrence', frequency: 'Year', interval: 1 }, "The frequency 'Year' is not"],
    [{ triggerType: 'Cron', expression: '* * * * *', timeZone: 'Moon' }, "The time zone 'Moon' is not known."],
  ])('is refused: %j', (trigger, message) => {
    expect(() => triggerOf(trigger, BORN)).toThrow(message)
  })
})

it('knows every Windows time zone it lists', () => {
  for (const name of WINDOWS_ZONES.keys()) expect(zoneOf(name)).not.toBe('')
})
