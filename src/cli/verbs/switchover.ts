import { randomBytes } from 'node:crypto'
import { type Command, Option } from 'commander'
import { wishBody } from '../../controller/persons.ts'
import type { Milliseconds } from '../../core/duration.ts'
import { Fault } from '../../core/errors.ts'
import type { Side } from '../../core/model.ts'
import type { JobsAtSwitchover, SwitchoverWish } from '../../core/persons/switchover.ts'
import type { FailoverState } from '../../core/phases.ts'
import { rolesOf } from '../../engine/roles.ts'
import { type Checked, checkSwitchover, refusedByNow, switchoverRecords } from '../../engine/switchover/begin.ts'
import type { Tenure } from '../../engine/tenure.ts'
import { underWay } from '../../engine/under-way.ts'
import { demandTaken, type Taken } from '../../engine/words.ts'
import { duration } from '../arguments.ts'
import { carryToEnd, followOther, lastMove, reported } from '../carrying.ts'
import type { Composed } from '../compose/compose.ts'
import { type Protected, protectedVerb, within } from '../protected.ts'
import { personHere, say, wordOf } from '../saying.ts'
import { sidesSeen } from '../seeing.ts'
import type { Terminal } from '../terminal.ts'
import { act, examples } from '../verb.ts'
import { demandEnded, demandSameWay } from './ending.ts'
import { showReport } from './report.ts'
import { showChecked, switchoverFacts } from './switchover-preview.ts'

interface Options extends Protected {
  readonly yes?: boolean
  readonly undo?: boolean
  readonly jobs?: JobsAtSwitchover
  readonly wait?: Milliseconds
}

const RULES = `
Without --yes it looks at both sides, says what it would do and what stands against it, and changes nothing.
What fails before the other side is raised is turned back: schedules are on again where they were. From then on it
goes on to its end, by this command run again or by \`holdfast serve\`.
`

/** `holdfast switchover`: leaves a side that is well, and loses nothing. */
export function switchoverVerb(): Command {
  return moveVerb('switchover', 'let the other side take over while both are well, and lose nothing', undefined)
}

/** `holdfast failback`: a switchover back to the primary. */
export function failbackVerb(): Command {
  return moveVerb('failback', 'go back to the primary after a failover, and lose nothing', 'primary')
}

function moveVerb(name: string, description: string, towards: Side | undefined): Command {
  const jobs = new Option(
    '--jobs <what>',
    'jobs that run: `wait` for them, or cancel and `resubmit` them over there (default: as in the policy)',
  )
  return protectedVerb(name, description)
    .option('--yes', 'do it')
    .addOption(jobs.choices(['wait', 'resubmit']))
    .option('--wait <duration>', 'how long jobs that run are waited for (default: as in the policy)', duration)
    .option('--undo', 'go back to where it was, if the other side was not raised yet')
    .addHelpText(
      'after',
      `${RULES}${examples(`holdfast ${name}`, `holdfast ${name} --yes`, `holdfast ${name} --yes --jobs resubmit`, `holdfast ${name} --undo`)}`,
    )
    .action(
      act<Options>((options, io) =>
        within(options, io, async (joined, signal) => {
          const doing = { io, signal, name, wish: wishOf(joined, options, towards) }
          if (options.undo === true) await undo(joined, doing)
          else if (options.yes === true) await carryThrough(joined, doing)
          else await preview(joined, doing)
        }),
      ),
    )
}

interface Doing {
  readonly io: Terminal
  readonly signal: AbortSignal
  readonly name: string
  readonly wish: SwitchoverWish
}

function wishOf({ policy }: Composed, { jobs, wait }: Options, towards: Side | undefined): SwitchoverWish {
  const wanted = policy.switchover
  return {
    by: personHere(),
    jobs: jobs ?? wanted.jobs,
    wait: wait ?? wanted.wait,
    ...(towards === undefined ? {} : { towards }),
  }
}

async function preview(joined: Composed, { io, signal, name, wish }: Doing): Promise<void> {
  const checked = await check(joined, wish, signal)
  io.facts({ ...switchoverFacts(joined, checked, wish), acted: false })
  showChecked(io, joined, { checked, wish })
  demandUnopposed(checked)
  io.say(`Nothing was done. \`holdfast ${name} --yes\` does it.`)
}

async function check(joined: Composed, wish: SwitchoverWish, signal: AbortSignal): Promise<Checked> {
  const { parts, carrying } = joined
  const { health } = await sidesSeen(joined, signal)
  return checkSwitchover({ parts, carrying, wish, health, signal })
}

/** @throws Fault `failover/refused` with every reason */
function demandUnopposed({ refusals }: Checked): void {
  const [first] = refusals
  if (first === undefined) return
  throw new Fault('failover/refused', refusals.map(({ reason }) => reason).join('\n  '), {
    facts: { reasons: refusals.length },
    hint: first.hint,
  })
}

async function carryThrough(joined: Composed, doing: Doing): Promise<void> {
  const { io, signal, wish } = doing
  const running = await underWay(joined.parts)
  if (running?.move === 'switchover') demandSameWay(running, wish.towards)
  else await begin(joined, doing)
  const id = await lastMove(joined)
  const ended = await followOther(joined, id, { io, signal })
  if (!ended) await carryToEnd(joined, { io, signal })
  const report = await reported(joined, id)
  io.say()
  showReport(io, report)
  io.facts({ acted: true, jobs: wish.jobs, report })
  demandEnded(report, 'done')
}

/** Looks, says what is to come, and has the beginning written down, here or by whoever holds the lease. */
async function begin(joined: Composed, { io, signal, wish }: Doing): Promise<void> {
  const checked = await check(joined, wish, signal)
  io.facts(switchoverFacts(joined, checked, wish))
  showChecked(io, joined, { checked, wish })
  demandUnopposed(checked)
  const here = (tenure: Tenure) => beginHere(joined, tenure, { checked, wish })
  const hint = 'Run it without --yes to see all that stands against it.'
  demandTaken(await say(joined, wordOf('switchover', wishBody(wish)), { io, signal, here }), hint)
}

/** What was looked at may have changed before the lease was taken; what both sides have is read again by the first phase. */
async function beginHere(
  { parts }: Composed,
  { lease }: Tenure,
  { checked, wish }: { readonly checked: Checked; readonly wish: SwitchoverWish },
): Promise<Taken> {
  const refused = await refusedByNow(parts, checked)
  if (refused !== undefined) return { refused }
  const { epoch } = await rolesOf(parts)
  const id = `f${randomBytes(4).toString('hex')}`
  const records = switchoverRecords(checked, wish, { id, epoch, now: parts.now() })
  await parts.store.append(lease, records)
  return { records }
}

async function undo(joined: Composed, { io, signal, name }: Doing): Promise<void> {
  const running: FailoverState | undefined = await underWay(joined.parts)
  const hint = `Run \`holdfast ${name} --yes\` to carry it to its end, and then back.`
  demandTaken(await say(joined, wordOf('turn-back'), { io, signal }), hint)
  if (running === undefined) return
  if (!(await followOther(joined, running.id, { io, signal }))) await carryToEnd(joined, { io, signal })
  const report = await reported(joined, running.id)
  showReport(io, report)
  io.facts({ acted: true, report })
  demandEnded(report, 'undone')
}
