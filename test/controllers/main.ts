import { parseArgs } from 'node:util'
import { type Pause, playPauses } from './pauses.ts'

/** `npm run pauses`: stops the active controller 50 times under load, for 1 to 60 s. */
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '50' }, longest: { type: 'string', default: '60' } },
})
const [rounds, longest] = [Number(values.rounds), Number(values.longest)]
if (!Number.isInteger(rounds) || rounds < 1 || !(longest >= 1)) {
  process.stderr.write('--rounds is a whole number above 0, --longest a number of seconds from 1 on.\n')
  process.exit(2)
}

/** From a second up to the longest, each as much longer than the one before in proportion, in an order that mixes both. */
const lengths = Array.from({ length: rounds }, (_, n) => {
  const share = ((n * 19) % rounds) / Math.max(1, rounds - 1)
  return Math.round(1000 * longest ** share)
})
const { pauses, journal, writes } = await playPauses(lengths, show)
const stale = pauses.flatMap((pause) => pause.stale)
const taken = pauses.filter((pause) => pause.taken).length
for (const what of journal) process.stdout.write(`${what}\n`)
process.stdout.write(
  `${pauses.length} pauses, ${taken} takeovers, ${writes} writes, ${stale.length} of them by a controller whose lease was over\n`,
)
process.exit(stale.length + journal.length === 0 ? 0 : 1)

function show({ number, paused, milliseconds, stale: wrong, taken: other }: Pause): void {
  const then = other ? 'the other took over' : 'the lease stayed'
  process.stdout.write(`${number} of ${rounds}: ${paused} stood still for ${milliseconds / 1000} s; ${then}\n`)
  for (const what of wrong) process.stdout.write(`  ${what}\n`)
}
