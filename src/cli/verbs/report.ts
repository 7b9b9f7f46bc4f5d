import type { Command } from 'commander'
import { counted } from '../../core/counted.ts'
import { roughly } from '../../core/duration.ts'
import { Fault } from '../../core/errors.ts'
import { readable } from '../../core/readable.ts'
import { type FailoverReport, reportOf } from '../../engine/report.ts'
import type { Finding } from '../../engine/return/sort-out.ts'
import { type Protected, protectedVerb, within } from '../protected.ts'
import type { Terminal } from '../terminal.ts'
import { act, examples } from '../verb.ts'

interface Options extends Protected {
  readonly failover?: string
}

/** `holdfast report`: what a failover did, from the journal. */
export function reportVerb(): Command {
  return protectedVerb('report', 'tell what a failover did: times, jobs, loss, what came back')
    .option('--failover <id>', 'which one (default: the last)')
    .addHelpText('after', examples('holdfast report', 'holdfast report --json > evidence.json'))
    .action(
      act<Options>((options, io) =>
        within({ ...options, standing: 'named' }, io, async ({ parts }) => {
          const { store, protection } = parts
          const id =
            options.failover ?? (await Array.fromAsync(store.read(protection, { typed: 'failover/begun' }))).at(-1)?.run
          const report =
            id === undefined ? undefined : reportOf(await Array.fromAsync(store.read(protection, { run: id })))
          if (report === undefined) {
            throw new Fault(
              'usage/bad-argument',
              id === undefined ? 'There was no failover yet' : `There is no failover ${id}`,
              {
                hint: 'See `holdfast status`.',
              },
            )
          }
          showReport(io, report)
          io.facts(report)
        }),
      ),
    )
}

/** The report as a person reads it. */
export function showReport(io: Terminal, report: FailoverReport): void {
  const { id, from, to, times, timeline, jobs, verified, loss, returned, unfinished } = report
  const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`
  const planned = report.move === 'switchover'
  io.say(io.paint('bold', `${planned ? 'Switchover' : 'Failover'} ${id}: ${from} → ${to}, ${report.outcome}`))
  if (!planned)
    io.say(`  recovery point ${report.recoveryPoint ?? 'unknown'}, last answer ${report.lastAnswered ?? 'never seen'}`)
  io.say(
    `  detect ${seconds(times.detect)}   decide ${seconds(times.decide)}   execute ${seconds(times.execute)}   verify ${seconds(times.verify)}`,
  )
  io.say()
  for (const { at, what } of timeline) io.say(`  ${io.paint('dim', at.slice(11, 23))}  ${readable(what)}`)
  if (jobs.length > 0) {
    io.say()
    io.say(
      io.table(
        ['JOB', 'WHAT', 'WHY'],
        jobs.map((job) => [job.job, job.as === undefined ? job.is : `${job.is} as ${job.as}`, readable(job.reason)]),
      ),
    )
  }
  if (report.outcome === 'undone' || report.outcome === 'abandoned') {
    showUnfinished(io, unfinished)
    return
  }
  io.say()
  const compared = Object.values(verified.compared).reduce((sum, count) => sum + count, 0)
  io.say(
    `${counted(compared, 'item')} compared: ${verified.missing.length} missing, ${verified.different.length} different.`,
  )
  for (const address of [...verified.missing, ...verified.different]) io.say(`  ${io.paint('red', readable(address))}`)
  showLoss(io, report)
  if (returned !== undefined && !(planned && returned.length === 0)) {
    io.say()
    const when = planned ? `Written to the ${from} while it was left` : `When the ${from} came back`
    io.say(`${when}: ${counted(returned.length, 'thing')} that only it had, or had otherwise.`)
    showFindings(io, returned)
  }
  showUnfinished(io, unfinished)
  // What was lost is written down at the end.
  if (report.outcome !== 'done' || loss.length > 0) return
  if (planned) io.say('Nothing was lost.')
  if (report.recoveryPoint !== null && report.lastAnswered !== null) {
    const span = Date.parse(report.lastAnswered) - Date.parse(report.recoveryPoint)
    io.say(
      `Nothing is known to be lost; what was acknowledged in the last ${roughly(Math.max(0, span))} was never seen.`,
    )
  }
}

function showUnfinished(io: Terminal, unfinished: readonly string[]): void {
  for (const sentence of unfinished) io.say(`${io.paint('yellow', 'unfinished')}  ${readable(sentence)}`)
}

/** What became of things that a side had alone when it came back. */
export function showFindings(io: Terminal, findings: readonly Finding[]): void {
  for (const finding of findings) {
    const as = 'as' in finding ? ` → ${readable(finding.as)}` : ''
    const why = 'why' in finding ? `: ${readable(finding.why)}` : ''
    io.say(`  ${finding.is.padEnd(8)} ${readable(finding.address)}${as}${why}`)
  }
}

function showLoss(io: Terminal, { loss }: FailoverReport): void {
  if (loss.length === 0) return
  io.say()
  io.say(`${counted(loss.length, 'thing is', 'things are')} known to be lost, whole or in part:`)
  for (const { address, is, recoveryPoint, why } of loss) {
    io.say(
      `  ${readable(address)}  ${is === 'whole' ? 'all of it' : `since ${new Date(recoveryPoint).toISOString()}`}: ${readable(why)}`,
    )
  }
}
