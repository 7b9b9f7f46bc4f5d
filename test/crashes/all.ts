// Plays every crash of every act and tells of each: `npm run crashes`, with names of acts behind it for those alone.
// `--kill region` kills the region that a call goes to, in place of the controller that makes it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { passed, playRounds, regionRoundsOf, roundsOf, shareOut } from './campaign.ts'
import { type Lane, onLanes } from './stage.ts'
import { actsOf, playStory, WITHOUT_NODES } from './story.ts'

const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    kill: { type: 'string', default: 'controller' },
    /** Crashes played at once, each on an emulator of its lane: processes wait for each other half of the time. */
    lanes: { type: 'string', default: '4' },
  },
})
const root = mkdtempSync(join(tmpdir(), 'holdfast-crashes-'))
const began = Date.now()
const say = (line: string) => process.stdout.write(`${line}\n`)
const minutes = () => ((Date.now() - began) / 60_000).toFixed(1)

try {
  say('Playing the story undisturbed')
  await playStory(root)
  await onLanes({ root, env: WITHOUT_NODES, count: Number(values.lanes) }, playAll)
} finally {
  rmSync(root, { recursive: true, force: true })
}

async function playAll(lanes: readonly Lane[]): Promise<void> {
  const regions = values.kill === 'region'
  // A switchover whose other side goes away may turn back, and then its end is another one, rightly.
  const usual = (name: string) => !regions || name !== 'failback'
  const acts = actsOf(root).filter(({ name }) => (names.length === 0 ? usual(name) : names.includes(name)))
  const found = await shareOut(acts, lanes, regions ? regionRoundsOf : roundsOf)
  const rounds = found.flat()
  say(`${rounds.length} crashes of ${acts.map(({ name }) => name).join(', ')} (${minutes()} min)`)
  let ended = 0
  const outcomes = await playRounds(rounds, lanes, (outcome) => {
    ended++
    const left = ((Date.now() - began) / ended) * (rounds.length - ended)
    const mark = passed(outcome) ? '✓' : outcome.reached ? '✗' : '○ NOT REACHED:'
    say(`${mark} ${outcome.name} (${outcome.seconds.toFixed(1)} s; ${Math.ceil(left / 60_000)} min left)`)
    for (const line of outcome.trouble) say(`    ${line}`)
  })
  const missed = outcomes.filter(({ reached }) => !reached)
  const good = outcomes.filter(passed)
  const failed = outcomes.length - good.length - missed.length
  say(`${good.length} passed, ${failed} failed, ${missed.length} not reached in ${minutes()} min`)
  // A crash that did not take place shows nothing: it is no pass.
  for (const { name } of missed) say(`Not reached, so nothing is shown of it: ${name}`)
  process.exitCode = good.length === rounds.length ? 0 : 1
}
