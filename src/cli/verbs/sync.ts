import type { Command } from 'commander'
import { counted } from '../../core/counted.ts'
import { roughly } from '../../core/duration.ts'
import { Fault } from '../../core/errors.ts'
import { readable } from '../../core/readable.ts'
import { type ComebackOptions, comeback } from '../../engine/return/comeback.ts'
import { type Away, recordReturn, rolesOf, sideAway } from '../../engine/roles.ts'
import { type Pass, pass, prepare, stepsByKind } from '../../engine/sync.ts'
import { demandNoneUnderWay, showAway } from '../away.ts'
import { CALL_MILLISECONDS } from '../limits.ts'
import { type Protected, protectedVerb, underLease, within } from '../protected.ts'
import { showUnread } from '../shown.ts'
import type { Terminal } from '../terminal.ts'
import { act, examples } from '../verb.ts'
import { demandRead } from './inventory.ts'
import { brakeSentence, factsOfPlan, showPlan } from './plan.ts'
import { showFindings } from './report.ts'

/** `holdfast sync`: one pass that makes the standby follow. */
export function syncVerb(): Command {
  return protectedVerb('sync', 'make the standby follow the active side, once')
    .option('--dry-run', 'print what it would do, and do nothing')
    .option('--allow-withdrawals <digest>', 'lift the brake for the one plan of this digest, as `plan` prints it')
    .addHelpText(
      'after',
      examples(
        'holdfast sync',
        'holdfast sync --dry-run',
        'holdfast sync --allow-withdrawals 1f2e3d4c',
        'holdfast sync --json | jq .recoveryPoint',
      ),
    )
    .action(
      act<Protected & { readonly dryRun?: boolean; readonly allowWithdrawals?: string }>((options, io) =>
        within(options, io, async (joined, signal) => {
          const { parts, carrying } = joined
          const lift = options.allowWithdrawals === undefined ? {} : { liftFor: options.allowWithdrawals }
          const request = { parts, carrying, signal, ...lift }
          await demandNoneUnderWay(parts)
          if (options.dryRun === true) {
            const roles = await rolesOf(parts)
            const away = await showAway(io, parts, roles)
            const prepared = await prepare({ ...request, active: roles.active })
            showPlan(io, prepared)
            io.facts({ ...factsOfPlan(prepared), away: away ?? null })
            demandRead(prepared.source, prepared.target)
            return
          }
          const done = await underLease(joined, async (tenure) => {
            // Only under the lease does nobody else change who is in charge.
            await demandNoneUnderWay(parts)
            const roles = await rolesOf(parts)
            const acting = { ...request, active: roles.active, tenure, callMilliseconds: CALL_MILLISECONDS }
            const away = await sideAway(parts, roles)
            if (away !== undefined) await takeBack(io, acting, away)
            return pass(acting)
          })
          showLate(io, done)
          show(io, done, parts.now())
          demandWhole(done)
        }),
      ),
    )
}

function showLate(io: Terminal, { late, ends }: Pass): void {
  if (late.length === 0) return
  io.say(`${counted(late.length, 'thing')} that somebody still wrote to ${ends.target.location}:`)
  showFindings(io, late)
  io.facts({ late })
}

/** A side that was left by a failover is fenced, and what only it has is carried over, before it may follow. */
async function takeBack(io: Terminal, acting: Omit<ComebackOptions, 'failover'>, away: Away): Promise<void> {
  const back = await comeback({ ...acting, failover: away.failover })
  await recordReturn(acting.parts, acting.tenure, { ...away, ...back })
  const things = counted(back.findings.length, 'thing')
  io.say(
    `The ${away.side} is back since failover ${away.failover}: ${counted(back.fenced.stopped.length, 'thing')} stopped there, ${things} that only it had or had otherwise.`,
  )
  showFindings(io, back.findings)
  io.facts({ returned: { ...away, stopped: back.fenced.stopped, findings: back.findings } })
}

function show(io: Terminal, done: Pass, now: number): void {
  const { source, plan, execution, reckoned } = done
  const { recoveryPoint, behind } = reckoned
  const steps = plan.steps.filter(({ address }) => execution.carried.has(address))
  const kinds = [...stepsByKind({ steps })].map(([kind, count]) => `${count} ${kind}`).join(', ')
  io.say(
    plan.steps.length === 0
      ? `Nothing to do: ${counted(source.snapshot.size, 'item is', 'items are')} the same on both sides.`
      : `Carried ${kinds === '' ? 'nothing' : kinds}.`,
  )
  if (recoveryPoint !== undefined) {
    io.say(`Recovery point ${new Date(recoveryPoint).toISOString()}, ${roughly(now - recoveryPoint)} old.`)
  }
  for (const { step, message } of [...execution.quarantined, ...execution.stuck]) {
    const why = readable(message || 'something it needs could not be carried')
    io.say(`${io.paint('yellow', 'not carried')}  ${readable(step.address)}: ${why}`)
  }
  showUnread(io, source.incomplete, ` in ${done.ends.source.location}`)
  showUnread(io, done.target.incomplete, ` in ${done.ends.target.location}`)
  for (const note of done.plan.notes) {
    if (note.is === 'late' || (note.is === 'kept' && note.because !== 'observed')) continue
    io.say(`${io.paint('yellow', note.is)}  ${readable(note.address)}: ${readable(note.reason)}`)
  }
  if (plan.brake !== undefined) io.say(brakeSentence(io, plan))
  io.facts({
    ...factsOfPlan(done),
    items: source.snapshot.size,
    recoveryPoint: recoveryPoint === undefined ? null : new Date(recoveryPoint).toISOString(),
    behind,
    failed: execution.quarantined.map(({ step, code, message, attempts }) => ({
      address: step.address,
      code,
      message,
      attempts,
    })),
    stuck: execution.stuck.map(({ step }) => step.address),
  })
}

/** A pass that left something behind says so by its exit code too. */
function demandWhole({ execution, source, target, plan }: Pass): void {
  const refused = plan.notes.filter(({ is }) => is === 'refused').length
  const unread = new Set([...source.incomplete.keys(), ...target.incomplete.keys()]).size
  const left = execution.quarantined.length + execution.stuck.length + unread + refused
  if (left === 0) return
  throw new Fault('sync/loss', `${counted(left, 'thing was', 'things were')} not carried; each is named above`, {
    facts: { left },
    hint: 'Correct what is said of each and run it again; all else is carried.',
  })
}
