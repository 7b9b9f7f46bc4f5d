import { rmSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type OpenRegion, openRegion } from '../region.ts'
import { JobRegion } from './test-jobs.ts'

process.env['EMULATOR_ALLOCATION_SECONDS'] = '0.05'
const MINUTE = 60_000
const at = new JobRegion()

beforeAll(async () => {
  await at.open()
  await at.prepare(4)
})
afterEach(async () => {
  for (const { name } of await at.all(`${at.at('schedules')}?listViewType=All`)) {
    await at.ended(await at.ask('DELETE', at.at(`schedules/${name}`)))
  }
})
afterAll(() => at.end())

/** How far the clock of the region was moved in all. */
let moved = 0
function move(milliseconds: number): void {
  moved += milliseconds
  at.region.clock.shift(moved)
}

/** Moves the clock to just before the next instant of a schedule that fires each hour, on the hour. */
function approachTheHour(): void {
  const hour = 60 * MINUTE
  move(hour - (at.region.clock.now() % hour) - 1)
}

const hourly = (more: Readonly<Record<string, unknown>> = {}) => ({
  trigger: { triggerType: 'Cron', expression: '0 * * * *', timeZone: 'UTC' },
  action: { actionType: 'CreateJob', jobDefinition: at.command('echo fired', { experimentName: 'nightly' }) },
  ...more,
})

const firedBy = async (schedule: string) =>
  (await at.all(at.at('jobs'))).map(({ name }) => name).filter((name) => name.startsWith(`${schedule}-`))

/** Looks at the schedules often enough that one that fires would have fired. */
async function lookedAt(canary: string): Promise<void> {
  await at.until(`${canary} fires`, async () => ((await firedBy(canary)).length > 0 ? true : undefined))
}

describe('a schedule', () => {
  it('is made by a long-running operation, and fires its job at its instant', async () => {
    const made = await at.ask('PUT', at.at('schedules/hourly'), { properties: hourly() })
    expect([made.status, made.at('properties.provisioningState')]).toEqual([201, 'Creating'])
    await at.ended(made)
    const there = await at.ask('GET', at.at('schedules/hourly'))
    expect(there.at('properties')).toMatchObject({ provisioningState: 'Succeeded', isEnabled: true })

    approachTheHour()
    await lookedAt('hourly')

    const [name = ''] = await firedBy('hourly')
    expect(name).toMatch(/^hourly-\d{8}T\d\d0000Z$/)
    await at.reaches(name, 'Completed')
    const job = await at.ask('GET', at.at(`jobs/${name}`))
    expect(job.at('properties')).toMatchObject({ displayName: name, experimentName: 'nightly' })
  })

  it('fires the latest instant once where the clock leaps over several', async () => {
    await at.made('schedules/often', hourly())

    move(5 * 60 * MINUTE)
    await lookedAt('often')
    await at.made('schedules/canary', hourly())
    approachTheHour()
    await lookedAt('canary')

    expect((await firedBy('often')).length).toBe(2)
  })

  it('is silent while it is disabled, and not listed', async () => {
    await at.made('schedules/off', hourly({ isEnabled: false }))
    await at.made('schedules/awake', hourly())

    approachTheHour()
    await lookedAt('awake')

    expect(await firedBy('off')).toEqual([])
    expect((await at.all(at.at('schedules'))).map(({ name }) => name)).toEqual(['awake'])
  })

  it('remembers what it could not do, and does not try again', async () => {
    const lost = { actionType: 'CreateJob', jobDefinition: at.command('true', { computeId: 'nowhere' }) }
    await at.made('schedules/broken', hourly({ action: lost }))
    approachTheHour()

    const refusal = await at.until('a refusal', () => {
      const sql = `SELECT refusal FROM scheduleFirings WHERE schedule LIKE '%/broken'`
      return at.region.db.get<{ refusal: string }>(sql)?.refusal
    })

    expect(refusal).toContain("The compute target 'nowhere' was not found")
  })

  it('is stored whatever its action, and only jobs are created', async () => {
    const monitor = { actionType: 'CreateMonitor', monitorDefinition: { signals: {} } }
    await at.made('schedules/watch', hourly({ action: monitor }))

    expect((await at.ask('GET', at.at('schedules/watch'))).at('properties.action')).toEqual(monitor)
    expect((await at.ask('POST', at.at('schedules/watch/trigger'), {})).status).toBe(501)
  })

  it('submits its job at once when it is triggered, and once for one instant', async () => {
    await at.made('schedules/manual', hourly())

    const answer = await at.ask('POST', at.at('schedules/manual/trigger'), { scheduleTime: '2026-05-04T03:02:01Z' })

    expect(answer.at('submissionId')).toBe('manual-20260504T030201Z')
    await at.reaches('manual-20260504T030201Z', 'Completed')
    const again = await at.ask('POST', at.at('schedules/manual/trigger'), { scheduleTime: '2026-05-04T03:02:01Z' })
    expect(again.at('submissionId')).toBe('manual-20260504T030201Z')
    expect(await firedBy('manual')).toEqual(['manual-20260504T030201Z'])
  })

  it('takes no change that would go with it, once it is to go', async () => {
    await at.made('schedules/leaving', hourly())
    at.slow(500)
    const removed = await at.ask('DELETE', at.at('schedules/leaving'))

    const changed = await at.ask('PUT', at.at('schedules/leaving'), { properties: hourly() })

    expect([changed.status, changed.at('error.code')]).toEqual([409, 'Conflict'])
    await at.ended(removed)
    expect((await at.ask('GET', at.at('schedules/leaving'))).status).toBe(404)
  })

  it.each([
    ['a trigger that is not understood', { trigger: { triggerType: 'Cron', expression: 'now' } }],
    ['no job to create', { action: { actionType: 'CreateJob' } }],
  ])('is refused with %s', async (_what, more) => {
    const answer = await at.ask('PUT', at.at('schedules/bad'), { properties: hourly(more) })

    expect(answer.status).toBe(400)
    expect((await at.ask('GET', at.at('schedules/bad'))).status).toBe(404)
  })
})

it('does not make up what it missed while the region was away', async () => {
  const lost = new JobRegion()
  await lost.open()
  await lost.prepare()
  const job = lost.command('true')
  await lost.made('schedules/away', { ...hourly(), action: { actionType: 'CreateJob', jobDefinition: job } })
  const hour = 60 * MINUTE
  const start = Math.floor(lost.region.clock.now() / hour) * hour
  const shiftTo = (instant: number) => instant - Date.now()
  lost.region.clock.shift(shiftTo(start + hour + 1000))
  await lost.until('the first hour fires', () => fired(lost.region).at(0))
  await lost.region.close()

  const away = { name: 'eastus2', root: lost.root, clockShiftMilliseconds: shiftTo(start + 5 * hour - 5000) }
  const region = await openRegion(away)
  try {
    region.clock.shift(shiftTo(start + 5 * hour + 1000))
    await lost.until('the fifth hour fires', () => fired(region).at(1))
    expect(fired(region)).toEqual([start + hour, start + 5 * hour])
  } finally {
    await region.close()
    rmSync(lost.root, { recursive: true, force: true })
  }
})

function fired(region: OpenRegion): number[] {
  const rows = region.db.all<{ instant: number }>('SELECT instant FROM scheduleFirings ORDER BY instant')
  return rows.map(({ instant }) => instant)
}
