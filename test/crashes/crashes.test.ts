import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { chosenRoundsOf, passed, playRounds } from './campaign.ts'
import { onLanes } from './stage.ts'
import { actsOf, playStory, WITHOUT_NODES } from './story.ts'

// A selection; `npm run crashes` plays them all.

const root = mkdtempSync(join(tmpdir(), 'holdfast-crashes-'))
const MINUTES = 60_000

beforeAll(async () => {
  await playStory(root)
}, 5 * MINUTES)

afterAll(() => rmSync(root, { recursive: true, force: true }))

it(
  'guards I3, I4: a reverse sync that is killed at a call ends as one that was not',
  async () => {
    const act = actsOf(root).find(({ name }) => name === 'reverse sync')
    const outcomes = await onLanes({ root, env: WITHOUT_NODES, count: 2 }, async (lanes) =>
      act === undefined ? [] : playRounds(await chosenRoundsOf(act, lanes[0]), lanes),
    )
    expect(outcomes.length).toBeGreaterThan(5)
    expect(outcomes.filter((outcome) => !passed(outcome))).toEqual([])
  },
  10 * MINUTES,
)
