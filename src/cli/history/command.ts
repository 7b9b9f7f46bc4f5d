import { Command, Option } from 'commander'
import { Fault } from '../../core/errors.ts'
import { unsteered } from '../../core/readable.ts'
import { type Carried, copyHistory } from '../../engine/history/copy.ts'
import { foresee } from '../../engine/history/foresee.ts'
import type { HistoryFilter, HistoryParts } from '../../engine/history/parts.ts'
import { searchedRuns } from '../../engine/history/searched.ts'
import { type Verified, verifyHistory } from '../../engine/history/verify.ts'
import { openHistory, withoutPassword } from '../compose/history.ts'
import { interruptible } from '../interruption.ts'
import { shownProgress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'
import { act, examples } from '../verb.ts'
import { showForeseen } from './foresee.ts'
import { growHeapSparingly } from './heap.ts'
import { demandNone, showTroubles } from './left.ts'

interface Options {
  readonly state: string
  readonly experiment: readonly string[]
  readonly run: readonly string[]
  readonly model: readonly string[]
  readonly since?: string
  readonly filter?: string
  readonly fromRegistry?: string
  readonly toRegistry?: string
  readonly filesBelow: readonly string[]
  readonly recheck?: boolean
  readonly dryRun?: boolean
}

/** In place of a time: the last copy that lost nothing. */
const LAST = 'last'

const ENDS = `FROM and TO are tracking servers (http://…, https://…), workspaces by their ARM id, or folders on this machine. A server is signed in to as
MLflow's own client does: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN; with
HOLDFAST_FROM_ or HOLDFAST_TO_ in place of MLFLOW_ where the two differ.`

/** `holdfast history`: run history between any two places that keep one. */
export function historyCommand(): Command {
  return new Command('history')
    .description(
      'carry experiments, runs, files and registered models between tracking servers, workspaces and folders',
    )
    .addCommand(copyVerb())
    .addCommand(comparing('verify', 'compare both, field by field, point by point and files by digest'))
    .addCommand(comparing('diff', 'print every difference; ends with 0 also where there are some'))
    .addHelpText(
      'after',
      examples('holdfast history copy http://old:5000 http://new:5000', 'holdfast history verify --help'),
    )
}

function historyVerb(name: string, about: string): Command {
  return new Command(name)
    .description(about)
    .argument('<from>', 'where the history is')
    .argument('<to>', 'where it is to be')
    .option('--state <folder>', 'where it is noted what was carried', '.holdfast/history')
    .addOption(several('--experiment <name>', 'only this experiment; may be given several times', 'all'))
    .addOption(several('--run <id>', 'only this run of the source; may be given several times', 'all'))
    .addOption(several('--model <name>', 'only this registered model; may be given several times', 'all'))
    .option('--from-registry <uri>', 'server that keeps the registered models of FROM, if it is another')
    .option('--to-registry <uri>', 'the same of TO')
    .option('--filter <search>', "only runs that this search of FROM finds, as in MLflow: tags.team = 'crm'")
    .addOption(
      several(
        '--files-below <folder>',
        'reach files there that a server leaves to its clients: a folder of this machine, which FROM keeps files in, or wasbs://… or abfss://… of either; several times',
        'none',
      ),
    )
    .option(
      '--since <time>',
      'only runs that are open, or that began or ended since; `last`: since the last whole copy',
    )
}

/** An option that may be given several times. `absent` says what it comes to where it is not given. */
function several(flags: string, about: string, absent: string): Option {
  const more = (value: string, before: readonly string[]) => [...before, value]
  return new Option(flags, about).argParser(more).default([], absent)
}

function copyVerb(): Command {
  return historyVerb('copy', 'make the history of one be in the other too; again, it carries only what changed')
    .option('--recheck', 'read and compare everything, whatever was noted before')
    .option('--dry-run', 'count the chosen runs that are not there yet, and write nothing')
    .addHelpText(
      'after',
      `\n${ENDS}\n${examples(
        'holdfast history copy http://old:5000 http://new:5000',
        'holdfast history copy http://old:5000 http://new:5000 --experiment churn --since 2026-01-01',
        'holdfast history copy http://old:5000 ./best --filter "metrics.auc > 0.9 and attributes.status = \'FINISHED\'"',
      )}`,
    )
    .action((from: string, to: string, _: unknown, command: Command) =>
      act<Options>((options, io) =>
        joined({ from, to, options, io, writes: options.dryRun !== true }, async (parts, signal) => {
          if (options.dryRun === true) showForeseen(await foresee(parts, signal), io)
          else showCopy(await copyHistory(parts, signal), io)
        }),
      )({} as Options, command),
    )
}

function comparing(name: 'verify' | 'diff', about: string): Command {
  return historyVerb(name, about)
    .addHelpText('after', `\n${ENDS}\n${examples(`holdfast history ${name} http://old:5000 http://new:5000`)}`)
    .action((from: string, to: string, _: unknown, command: Command) =>
      act<Options>((options, io) =>
        joined({ from, to, options, io, writes: false }, async (parts, signal) =>
          showVerified(await verifyHistory(parts, signal), io, name),
        ),
      )({} as Options, command),
    )
}

interface Asked {
  readonly from: string
  readonly to: string
  readonly options: Options
  readonly io: Terminal
  readonly writes: boolean
}

/** Joins both ends and the ledger for the time of the work, which Ctrl-C ends. */
async function joined(
  { from, to, options, io, writes }: Asked,
  work: (parts: HistoryParts, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  growHeapSparingly()
  const filter = filterOf(options)
  const { state, recheck = false, filesBelow } = options
  const sinceLast = options.since === LAST
  const registries = registriesOf(options)
  await interruptible(
    io,
    async (signal) => {
      const progress = shownProgress(io)
      progress.phase('opening both ends')
      const asked = { from, to, state, writes, recheck, sinceLast, filesBelow, registries, filter }
      const opened = await openHistory({ ...asked, progress, signal })
      try {
        await work(await searched(opened.parts, options.filter, signal), signal)
      } finally {
        progress.done()
        opened.close()
      }
    },
    () => interrupted(writes),
  )
}

function registriesOf({ fromRegistry: FROM, toRegistry: TO }: Options) {
  for (const [name, uri] of Object.entries({ '--from-registry': FROM, '--to-registry': TO })) {
    if (uri === undefined || (/^https?:\/\//.test(uri) && URL.canParse(uri))) continue
    throw new Fault('usage/bad-argument', `${name} ${withoutPassword(uri)} is no URI of a server`, {
      hint: 'Give a URI such as http://127.0.0.1:5000.',
    })
  }
  return { FROM, TO }
}

async function searched(parts: HistoryParts, search: string | undefined, signal: AbortSignal): Promise<HistoryParts> {
  if (search === undefined) return parts
  return { ...parts, filter: { ...parts.filter, runs: await searchedRuns(parts, search, signal) } }
}

function filterOf({ experiment, run, model, since }: Options): HistoryFilter {
  // Other forms mean one time here and another there, or a year that nobody meant.
  const isWritten = since !== undefined && /^\d{4}-\d{2}-\d{2}(T.*)?$/.test(since)
  const at = since === undefined || since === LAST ? undefined : isWritten ? Date.parse(since) : Number.NaN
  if (at !== undefined && Number.isNaN(at)) {
    throw new Fault('usage/bad-argument', `--since ${since} is no time`, {
      hint: 'Give a date such as 2026-01-31 or 2026-01-31T12:00:00Z, or `last` to a copy.',
    })
  }
  const runs = run.length === 0 ? {} : { runs: new Set(run) }
  return { experiments: experiment, ...runs, models: model, since: at }
}

function showCopy({ tally, counts, troubles, remarks }: Carried, io: Terminal): void {
  const { runs, unchanged, points, files, bytes, loggedModels, versions, traces } = tally
  io.say(
    `${runs} runs carried or compared, ${unchanged} unchanged; ${points} points and ${files} files with ${bytes} bytes written;`,
  )
  io.say(`${loggedModels} logged models, ${traces} traces, ${versions} new versions of registered models.`)
  const rows = counts.map(({ experiment, source, target }) => [unsteered(experiment), String(source), String(target)])
  if (rows.length > 0) io.say(io.table(['experiment', 'runs there', 'runs here'], rows))
  for (const { subject, remark } of remarks) io.say(`${io.paint('dim', 'note')}  ${unsteered(`${subject}: ${remark}`)}`)
  showTroubles(io, troubles, 'not carried')
  io.facts({ ...tally, experiments: counts, notCarried: troubles, notes: remarks })
  demandNone(troubles.length, 'not carried')
}

function showVerified({ differences, troubles, ...counts }: Verified, io: Terminal, name: 'verify' | 'diff'): void {
  for (const { subject, field, source, target } of differences) {
    io.say(unsteered(`${subject}: ${field}`))
    io.say(`  ${io.paint('red', unsteered(`- ${JSON.stringify(source)}`))}`)
    io.say(`  ${io.paint('green', unsteered(`+ ${JSON.stringify(target)}`))}`)
  }
  showTroubles(io, troubles, 'not compared')
  const { runs, points, files, loggedModels, versions, traces, evaluationDatasets } = counts
  io.say(
    `Compared ${runs} runs, ${points} points, ${files} files, ${loggedModels} logged models, ${versions} versions, ${traces} traces, ${evaluationDatasets} evaluation datasets: ${differences.length} differ.`,
  )
  io.say('What only the other side has, permissions and webhooks are not compared.')
  io.facts({ ...counts, differences, notCompared: troubles })
  demandNone(troubles.length, 'not compared')
  if (name === 'verify') demandNone(differences.length, 'different')
}

function interrupted(writes: boolean): Fault {
  return writes
    ? new Fault('run/interrupted', 'Interrupted; what was carried is noted', {
        hint: 'Run it again: it goes on where it was.',
      })
    : new Fault('run/interrupted', 'Interrupted; nothing was written', { hint: 'Run it again: it begins anew.' })
}
