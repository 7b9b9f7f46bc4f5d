import { Command, CommanderError } from 'commander'
import { Fault } from '../core/errors.ts'
import { exitCodeHelp } from './exit-codes.ts'
import { historyCommand } from './history/command.ts'
import { localCommand } from './local/command.ts'
import { terminal } from './terminal.ts'
import { examples, explain } from './verb.ts'
import { applyVerb } from './verbs/apply.ts'
import { approveVerb } from './verbs/approve.ts'
import { auditVerb } from './verbs/audit.ts'
import { configVerb } from './verbs/config.ts'
import { driftVerb } from './verbs/drift.ts'
import { failoverVerb } from './verbs/failover.ts'
import { initVerb } from './verbs/init.ts'
import { inventoryVerb } from './verbs/inventory.ts'
import { pauseVerb, resumeVerb } from './verbs/pause.ts'
import { planVerb } from './verbs/plan.ts'
import { reportVerb } from './verbs/report.ts'
import { resolveVerb } from './verbs/resolve.ts'
import { serveVerb } from './verbs/serve.ts'
import { lossVerb, statusVerb } from './verbs/status.ts'
import { failbackVerb, switchoverVerb } from './verbs/switchover.ts'
import { syncVerb } from './verbs/sync.ts'
import { vantageVerb } from './verbs/vantage.ts'

const ABOUT = `Keeps the work of a machine-learning team going when the region under it is lost.

It protects Azure Machine Learning workspaces: it follows one into a second region, fails over when the first is lost, resubmits interrupted jobs once, and proves it. It does the same for the run history of a pair of MLflow tracking servers.`

const FIRST_STEPS = examples(
  'holdfast init --workspace /subscriptions/…/workspaces/churn',
  'holdfast apply && holdfast sync',
  'holdfast status',
  'holdfast serve',
)

const VERBS: readonly (() => Command)[] = [
  initVerb,
  inventoryVerb,
  applyVerb,
  planVerb,
  syncVerb,
  driftVerb,
  statusVerb,
  lossVerb,
  configVerb,
  switchoverVerb,
  failoverVerb,
  failbackVerb,
  approveVerb,
  pauseVerb,
  resumeVerb,
  serveVerb,
  vantageVerb,
  reportVerb,
  auditVerb,
  resolveVerb,
  historyCommand,
  localCommand,
]

/** Every verb of `holdfast`, in the order in which a newcomer meets them. */
export function program(): Command {
  const root = new Command('holdfast')
    .description(ABOUT)
    .version('0.1.0')
    .option('--json', 'print facts as one JSON value; what is for people goes to standard error')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
    .addHelpText('after', `${FIRST_STEPS}${exitCodeHelp()}`)
  for (const verb of VERBS) root.addCommand(verb())
  inherit(root)
  return root
}

/** Runs one command line. What it comes to is the exit code of the process. */
export async function run(argv: readonly string[]): Promise<void> {
  // Whoever reads may stop reading: `holdfast plan | head`. Nothing is wrong then.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', endQuietly)
  try {
    await program().parseAsync(argv)
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return
    const io = terminal({ json: argv.includes('--json') })
    process.exitCode = explain(thrown instanceof CommanderError ? asFault(thrown, argv) : thrown, io)
    io.close()
  }
}

function endQuietly(thrown: NodeJS.ErrnoException): void {
  if (thrown.code !== 'EPIPE') throw thrown
  process.exit(process.exitCode)
}

/** Commands that are made apart take nothing from the one that they are added to. */
function inherit(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent)
    inherit(command)
  }
}

/** A command line that cannot be understood, in the form of every other fault. */
function asFault(thrown: CommanderError, argv: readonly string[]): Fault {
  const asked = `Run \`${['holdfast', ...verbIn(argv), '--help'].join(' ')}\` to see what there is.`
  if (thrown.code === 'commander.help') {
    return new Fault('usage/bad-argument', 'A verb is missing', { hint: asked })
  }
  const [said = '', near] = thrown.message.replace(/^error: |\.$/g, '').split('\n')
  const [, what = said, order] = /^(.*?is invalid)\. (.*)$/.exec(said) ?? []
  const [, meant] = /^\(Did you mean (.*)\?\)$/.exec(near ?? '') ?? []
  const hint = order?.replace(/\.?$/, '.') ?? (meant === undefined ? asked : `Did you mean ${meant}?`)
  return new Fault('usage/bad-argument', `${what.charAt(0).toUpperCase()}${what.slice(1)}`, { hint })
}

/** The words of a command line that are verbs. */
function verbIn(argv: readonly string[]): readonly string[] {
  const words: string[] = []
  let command: Command = program()
  for (const word of argv.slice(2)) {
    const next = command.commands.find((one) => one.name() === word)
    if (next === undefined) continue
    words.push(word)
    command = next
  }
  return words
}
