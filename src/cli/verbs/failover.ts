import type { Command } from 'commander'
import type { Milliseconds } from '../../core/duration.ts'
import { Fault } from '../../core/errors.ts'
import { failoverWishBody } from '../../core/persons/failover.ts'
import type { Tenure } from '../../engine/tenure.ts'
import { underWay } from '../../engine/under-way.ts'
import { demandTaken, type Taken } from '../../engine/words.ts'
import { duration } from '../arguments.ts'
import { carryToEnd, followOther, lastMove, reported } from '../carrying.ts'
import type { Composed } from '../compose/compose.ts'
import { type Protected, protectedVerb, within } from '../protected.ts'
import { say, wordOf } from '../saying.ts'
import type { Terminal } from '../terminal.ts'
import { act, examples } from '../verb.ts'
import { demandEnded } from './ending.ts'
import { type Judged, judge, wishOf } from './failover-judge.ts'
import { factsOfJudged, previewOf, showJudged, showPreview } from './failover-preview.ts'
import { showReport } from './report.ts'

/** What lets it be done where the controller that holds the lease has refused it. */
const REFUSED =
  'Run it without --yes to see what is seen from here, and what would let it be done. The controller goes by what it sees itself.'

interface Options extends Protected {
  readonly yes?: boolean
  readonly evenIfHealthy?: boolean
  readonly acceptLoss?: Milliseconds
}

/** `holdfast failover`: by hand what `serve` does by itself, by the same rules and through the same phases. */
export function failoverVerb(): Command {
  return protectedVerb('failover', 'show what a failover would do and lose now, and with --yes carry it out')
    .option('--yes', 'do it')
    .option('--even-if-healthy', 'leave the active side although it is well')
    .option('--accept-loss <duration>', 'how much work may be lost (default: failover.maxLoss of the policy)', duration)
    .addHelpText(
      'after',
      examples(
        'holdfast failover',
        'holdfast failover --yes',
        'holdfast failover --yes --accept-loss 2h',
        'holdfast failover --json | jq .decision',
      ),
    )
    .action(
      act<Options>((options, io) =>
        within(options, io, async (joined, signal) => {
          if (options.yes === true) await carryThrough(joined, { io, options, signal })
          else await preview(joined, { io, options, signal })
        }),
      ),
    )
}

interface Doing {
  readonly io: Terminal
  readonly options: Options
  readonly signal: AbortSignal
}

async function preview(joined: Composed, { io, options, signal }: Doing): Promise<void> {
  const judged = await judge(joined, { ...options, signal })
  showJudged(io, joined, judged)
  const shown = await previewOf(joined, judged, signal)
  io.facts({ ...factsOfJudged(judged), ...shown, acted: false })
  demandPossible(judged)
  showPreview(io, shown)
  const flag = options.evenIfHealthy === true ? ' --even-if-healthy' : ''
  io.say(`Nothing was done. \`holdfast failover --yes${flag}\` does it.`)
}

async function carryThrough(joined: Composed, doing: Doing): Promise<void> {
  const { io } = doing
  const running = await underWay(joined.parts)
  const before = running?.move === 'failover' ? running.id : undefined
  if (before === undefined || !(await followOther(joined, before, doing))) {
    // What nobody carries on is judged again: its side may be well by now.
    await begin(joined, doing)
    // Here the lease is taken anew, since a failover is carried out in an epoch of its own.
    if (before !== undefined || !(await followOther(joined, await lastMove(joined), doing)))
      await carryToEnd(joined, doing)
  }
  const report = await reported(joined, before ?? (await lastMove(joined)))
  io.say()
  showReport(io, report)
  io.facts({ acted: true, report })
  demandEnded(report, 'done')
}

/** Has the beginning written down, here or by whoever holds the lease. */
async function begin(joined: Composed, doing: Doing): Promise<void> {
  const { io, options, signal } = doing
  const word = wordOf('failover', failoverWishBody(wishOf(options)))
  const here = (tenure: Tenure) => beginHere(joined, tenure, doing)
  demandTaken(await say(joined, word, { io, signal, here }), REFUSED)
}

/** Looks, says what is seen, and writes the beginning down where the rules let it. */
async function beginHere(joined: Composed, tenure: Tenure, { io, options, signal }: Doing): Promise<Taken> {
  const judged = await judge(joined, { ...options, signal })
  showJudged(io, joined, judged)
  io.facts(factsOfJudged(judged))
  demandPossible(judged)
  const { taken } = judged
  if ('records' in taken) await joined.parts.store.append(tenure.lease, taken.records)
  return taken
}

/** @throws Fault `failover/refused` with the reason, and what would change it */
function demandPossible({ decision, taken, refusal }: Judged): void {
  if ('records' in taken) return
  throw new Fault('failover/refused', taken.refused, {
    facts: {
      decision: decision.do,
      ...('loss' in decision && decision.loss !== undefined ? { loss: decision.loss } : {}),
    },
    hint: refusal,
  })
}
