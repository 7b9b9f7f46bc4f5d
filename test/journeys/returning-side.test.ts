import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Moment, Stage } from '../crashes/stage.ts'
import { estateFor, standbyOf, until } from '../crashes/story.ts'
import {
  almostAt,
  dieInTheMiddle,
  ENDED,
  jobsOf,
  keepSynced,
  makeThings,
  partitioned,
  registerOnBoth,
  TRAINING,
  takeBack,
  thingsIn,
} from './partition.ts'

// A side that Holdfast had lost sight of, and that worked on meanwhile, comes back.

const MINUTE = 60_000
const root = mkdtempSync(join(tmpdir(), 'holdfast-returning-'))
const synced: Moment = { root, name: 'synced' }
let firstFiring = 0
let stage: Stage | undefined

beforeAll(async () => {
  firstFiring = await keepSynced(synced)
}, 3 * MINUTE)
afterEach(async () => {
  await stage?.end()
  stage = undefined
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Jobs of a workspace that have not ended, by name. */
async function open(of: Stage, workspace: string): Promise<readonly string[]> {
  return [...(await jobsOf(of.cloud, workspace))].flatMap(([name, status]) => (ENDED.has(status) ? [] : [name]))
}

describe('a side that comes back after a partition', () => {
  it.each([
    { things: 1, dies: false },
    { things: 30, dies: true },
    { things: 1000, dies: true },
  ])(
    'guards I1, I4: with $things things that only it has, is kept and named whole; it dies again in the middle: $dies',
    {
      timeout: 15 * MINUTE,
    },
    async ({ things, dies }) => {
      stage = await partitioned(synced)
      const { workspace } = estateFor(stage)
      await makeThings(stage, things)
      expect(await open(stage, workspace)).toContain(`${TRAINING}-on`)
      await stage.emulator.faults([])
      if (dies) expect(await dieInTheMiddle(stage)).not.toBe(0)
      const findings = await takeBack(stage)

      const all = new Set(Array.from({ length: things }, (_, n) => n))
      expect(await thingsIn(stage, standbyOf(estateFor(stage)), things)).toEqual(all)
      expect(await thingsIn(stage, workspace, things), 'nor is anything gone where it was made').toEqual(all)
      const named = findings.filter(({ is }) => is === 'carried' || is === 'merged').map(({ address }) => address)
      const runs = named.filter((address) => address.startsWith('run/apart/'))
      const others = named.filter((address) => /^blob\/.*only-\d+$|^data\/only-\d+\/1$/.test(address))
      expect(runs).toHaveLength(Math.ceil(things / 3))
      expect(others).toHaveLength(things - runs.length)
      expect(await open(stage, workspace), 'nothing goes on there').toEqual([])
    },
  )

  it('keeps both where both sides registered the same next version', { timeout: 3 * MINUTE }, async () => {
    stage = await partitioned(synced)
    const standby = standbyOf(estateFor(stage))
    await registerOnBoth(stage)
    await stage.emulator.faults([])
    const findings = await takeBack(stage)
    const aside = findings.find(({ address }) => address === 'model/churn/4')
    expect(aside).toMatchObject({ is: 'aside', as: expect.stringMatching(/^model\/churn\/4-[0-9a-f]{8}$/) })
    const uri = async (of: string, version: string) => {
      const { properties } = (await stage?.cloud.arm('GET', `${of}/models/churn/versions/${version}`)) ?? {}
      return (properties as { modelUri: string }).modelUri
    }
    const version = aside?.is === 'aside' ? (aside.as.split('/').at(-1) ?? '') : ''
    expect(await uri(standby, '4')).toContain('models/churn/4-here')
    expect(await uri(standby, version)).toContain('models/churn/4-there')
    expect(await uri(estateFor(stage).workspace, '4')).toContain('models/churn/4-there')
  })

  it('guards I1: runs nothing on both sides, though its schedule fires within a second and its job survived', {
    timeout: 3 * MINUTE,
  }, async () => {
    stage = await partitioned(synced)
    const { workspace } = estateFor(stage)
    const standby = standbyOf(estateFor(stage))
    const before = new Set([...(await jobsOf(stage.cloud, workspace)).keys()])
    const ours = (await jobsOf(stage.cloud, standby)).size
    await almostAt(stage, firstFiring)
    await stage.emulator.faults([])
    const findings = await takeBack(stage)
    const { cloud } = stage
    await until(async () => (await jobsOf(cloud, standby)).size > ours)
    const [there, here] = [await jobsOf(stage.cloud, workspace), await jobsOf(stage.cloud, standby)]
    expect(await open(stage, workspace)).toEqual([])
    expect(there.get(`${TRAINING}-on`)).toBe('Canceled')
    expect([...here.keys()].filter((name) => name.startsWith(`${TRAINING}-on-`))).toHaveLength(1)
    // What its schedule started before anybody could switch it off is no secret.
    const fired = [...there.keys()].filter((name) => !before.has(name))
    const listed = findings.filter(({ is }) => is === 'listed').map(({ address }) => address)
    for (const name of fired) expect(listed).toContain(`job/${name}`)
    const enabled = async (of: string) => {
      const { properties } = (await stage?.cloud.arm('GET', `${of}/schedules/nightly`)) ?? {}
      return (properties as { isEnabled: boolean }).isEnabled
    }
    expect([await enabled(workspace), await enabled(standby)]).toEqual([false, true])
  })
})
