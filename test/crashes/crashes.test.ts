import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { chosenRoundsOf, playRounds } from './campaign.ts'
import { type Act, actsOf, playStory } from './story.ts'

// A selection; `npm run crashes` plays them all.

const root = mkdtempSync(join(tmpdir(), 'holdfast-crashes-'))
const MINUTES = 60_000

beforeAll(async () => {
  await playStory(root)
}, 5 * MINUTES)

afterAll(() => rmSync(root, { recursive: true, force: true }))

it.each<Act['name']>(['sync', 'failover', 'return', 'reverse sync'])(
  'guards I2, I3, I4: a %s that is killed at a call or a commit ends as one that was not',
  async (name) => {
    const act = actsOf(root).find((one) => one.name === name) as Act
    const outcomes = await playRounds(await chosenRoundsOf(act), 2)
    expect(outcomes.length).toBeGreaterThan(5)
    expect(outcomes.filter(({ trouble }) => trouble.length > 0)).toEqual([])
  },
  10 * MINUTES,
)
