// Plays every crash of every act and tells of each: `npm run crashes`, or with names of acts behind it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { playRounds, roundsOf } from './campaign.ts'
import { actsOf, playStory } from './story.ts'

const LANES = 2
const root = mkdtempSync(join(tmpdir(), 'holdfast-crashes-'))
const began = Date.now()
const say = (line: string) => process.stdout.write(`${line}\n`)

try {
  say('Playing the story undisturbed')
  await playStory(root)
  const names = process.argv.slice(2)
  const acts = actsOf(root).filter(({ name }) => names.length === 0 || names.includes(name))
  const rounds = (await Promise.all(acts.map(roundsOf))).flat()
  say(`${rounds.length} crashes of ${acts.map(({ name }) => name).join(', ')}`)
  let ended = 0
  const outcomes = await playRounds(rounds, LANES, ({ name, seconds, trouble }) => {
    ended++
    const left = ((Date.now() - began) / ended) * (rounds.length - ended)
    say(`${trouble.length === 0 ? '✓' : '✗'} ${name} (${seconds.toFixed(1)} s; ${Math.ceil(left / 60_000)} min left)`)
    for (const line of trouble) say(`    ${line}`)
  })
  const failed = outcomes.filter(({ trouble }) => trouble.length > 0).length
  say(`${outcomes.length - failed} passed, ${failed} failed in ${((Date.now() - began) / 60_000).toFixed(1)} min`)
  process.exitCode = failed === 0 ? 0 : 1
} finally {
  rmSync(root, { recursive: true, force: true })
}
