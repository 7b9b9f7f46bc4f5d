import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import type { Milliseconds } from '../../core/duration.ts'
import { Fault } from '../../core/errors.ts'
import { failoverWishBody } from '../../core/persons/failover.ts'
import { beginFailover } from '../../engine/failover.ts'
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
import { type Judged, judge, wishOf } from './failover-judge.ts'
import { factsOfJudged, previewOf, showJudged, showPreview } from './failover-preview.ts'
import { showReport } from './report.ts'

/** What lets it be done where the controller that holds the lease has refused it. */
const REFUSED =
  'Run it without --yes to see what is seen from here. End the controller to go by that, and not by its vantage points.'

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
  if (report === undefined) throw new Error('a failover has begun and the journal does not have it')
  io.say()
  showReport(io, report)
  io.facts({ acted: true, report })
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
  const judged = await judgedAfresh(joined, tenure, { options, signal })
  showJudged(io, joined, judged)
  io.facts(factsOfJudged(judged))
  demandPossible(judged)
  if (judged.decision.do === 'fail-over') await begun(tenure, judged, judged.decision)
  return { records: [] }
}

/** A switchover whose side was lost before the other was raised is given up first: a failover answers the loss. */
async function judgedAfresh(
  joined: Composed,
  tenure: Tenure,
  { options, signal }: Pick<Doing, 'options' | 'signal'>,
): Promise<Judged> {
  const judged = await judge(joined, { ...options, signal })
  const { decision, health, roles } = judged
  if (decision.do !== 'abandon' || health[roles.active].status !== 'lost') return judged
  await tenure.append(decision.id, { type: 'failover/ended', body: { id: decision.id, outcome: 'abandoned' } })
  return judge(joined, { ...options, signal })
}

/** @throws Fault `failover/refused` with the reason, and what would change it */
function demandPossible({ decision, refusal }: Judged): void {
  if (decision.do === 'fail-over' || decision.do === 'continue') return
  throw new Fault('failover/refused', decision.reason, {
    facts: {
      decision: decision.do,
      ...('loss' in decision && decision.loss !== undefined ? { loss: decision.loss } : {}),
    },
    hint: refusal,
  })
}

async function begun(
  tenure: Tenure,
  { health, standby, at }: Judged,
  decision: Extract<Judged['decision'], { do: 'fail-over' }>,
): Promise<string> {
  const { from, to, epoch, reason } = decision
  const id = `f${randomBytes(4).toString('hex')}`
  const { lastAnswered, status } = health[from]
  await beginFailover(tenure, {
    id,
    from,
    to,
    epoch,
    reason,
    recoveryPoint: standby.recoveryPoint ?? 0,
    silent: status === 'lost',
    ...(status === 'lost' ? {} : { deliberate: true }),
    lastAnswered: lastAnswered === undefined ? 0 : Math.round(at.wall - (at.tick - lastAnswered.at)),
    detectMilliseconds: 0,
    decideMilliseconds: at.took,
  })
  return id
}
