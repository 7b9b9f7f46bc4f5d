import { Command, CommanderError } from 'commander'
import { FAULTS, Fault } from '../core/errors.ts'
import { exitCodeHelp } from './exit-codes.ts'
import { endUnread } from './interruption.ts'
import { terminal } from './terminal.ts'
import { examples, explain } from './verb.ts'

const ABOUT = `Keeps the work of a machine-learning team going when the region under it is lost.

It protects Azure Machine Learning workspaces: it follows one into a second region, fails over when the first is lost, resubmits interrupted jobs once, and proves it. It does the same for the run history of a pair of MLflow tracking servers.`

const FIRST_STEPS = examples(
  'holdfast init --workspace /subscriptions/…/workspaces/churn',
  'holdfast apply && holdfast sync',
  'holdfast status',
  'holdfast serve',
)

/** Every verb, in the order in which a newcomer meets them. A verb is loaded with what it needs, which is most of the time until it begins. */
const VERBS: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import('./verbs/init.ts')).initVerb(),
  inventory: async () => (await import('./verbs/inventory.ts')).inventoryVerb(),
  apply: async () => (await import('./verbs/apply.ts')).applyVerb(),
  plan: async () => (await import('./verbs/plan.ts')).planVerb(),
  sync: async () => (await import('./verbs/sync.ts')).syncVerb(),
  drift: async () => (await import('./verbs/drift.ts')).driftVerb(),
  status: async () => (await import('./verbs/status.ts')).statusVerb(),
  loss: async () => (await import('./verbs/status.ts')).lossVerb(),
  config: async () => (await import('./verbs/config.ts')).configVerb(),
  switchover: async () => (await import('./verbs/switchover.ts')).switchoverVerb(),
  failover: async () => (await import('./verbs/failover.ts')).failoverVerb(),
  failback: async () => (await import('./verbs/switchover.ts')).failbackVerb(),
  approve: async () => (await import('./verbs/approve.ts')).approveVerb(),
  pause: async () => (await import('./verbs/pause.ts')).pauseVerb(),
  resume: async () => (await import('./verbs/pause.ts')).resumeVerb(),
  serve: async () => (await import('./verbs/serve.ts')).serveVerb(),
  vantage: async () => (await import('./verbs/vantage.ts')).vantageVerb(),
  report: async () => (await import('./verbs/report.ts')).reportVerb(),
  audit: async () => (await import('./verbs/audit.ts')).auditVerb(),
  resolve: async () => (await import('./verbs/resolve.ts')).resolveVerb(),
  history: async () => (await import('./history/command.ts')).historyCommand(),
  local: async () => (await import('./local/command.ts')).localCommand(),
}

/** Verbs that act: cut off in the middle, they would seem done. */
const ACTING: ReadonlySet<string> = new Set(['apply', 'sync', 'switchover', 'failover', 'failback', 'serve', 'vantage'])

/** `holdfast` with all its verbs, or with those of these names. */
export async function program(names: readonly string[] = Object.keys(VERBS)): Promise<Command> {
  const root = new Command('holdfast')
    .description(ABOUT)
    .version('0.1.0')
    .option('--json', 'print facts as one JSON value; what is for people goes to standard error')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
    .addHelpText('after', `${FIRST_STEPS}${exitCodeHelp()}`)
  for (const verb of await Promise.all(names.map((name) => VERBS[name]?.()))) {
    if (verb !== undefined) root.addCommand(verb)
  }
  inherit(root)
  return root
}

/** Runs one command line. What it comes to is the exit code of the process. */
export async function run(argv: readonly string[]): Promise<void> {
  const names = namesIn(argv)
  const isActing = names?.some((name) => ACTING.has(name)) === true
  for (const stream of [process.stdout, process.stderr]) stream.on('error', isActing ? goOnUnheard : endQuietly)
  const root = await program(names)
  try {
    await root.parseAsync(argv)
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return
    const io = terminal({ json: argv.includes('--json') })
    process.exitCode = explain(thrown instanceof CommanderError ? asFault(thrown, { root, argv }) : thrown, io)
    io.close()
  }
}

/** The verb that a command line begins with; `undefined` where any may be meant. */
function namesIn(argv: readonly string[]): readonly string[] | undefined {
  const [first = ''] = argv.slice(2).filter((word) => word !== '--json')
  return Object.hasOwn(VERBS, first) ? [first] : undefined
}

/** Whoever reads may stop reading: `holdfast plan | head`. Nothing is wrong then. */
function endQuietly(thrown: NodeJS.ErrnoException): void {
  // The terminal was closed: what is told to end then ends in order, and is heard by nobody.
  if (thrown.code === 'EIO') return
  if (thrown.code !== 'EPIPE') throw thrown
  // A pass that is cut off here must not end as if it were whole.
  if (!endUnread()) process.exit(process.exitCode)
}

/** What was begun is carried to its end, whether whoever read is gone or the disk of a log is full. */
function goOnUnheard(thrown: NodeJS.ErrnoException): void {
  if (thrown.code === 'ENOSPC' || thrown.code === 'EDQUOT') process.exitCode ??= FAULTS['store/full'].exit
}

/** Commands that are made apart take nothing from the one that they are added to. */
function inherit(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent)
    inherit(command)
  }
}

/** A command line that cannot be understood, in the form of every other fault. */
function asFault(thrown: CommanderError, line: { readonly root: Command; readonly argv: readonly string[] }): Fault {
  const asked = `Run \`${['holdfast', ...verbIn(line), '--help'].join(' ')}\` to see what there is.`
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
function verbIn({ root, argv }: { readonly root: Command; readonly argv: readonly string[] }): readonly string[] {
  const words: string[] = []
  let command = root
  for (const word of argv.slice(2)) {
    const next = command.commands.find((one) => one.name() === word)
    if (next === undefined) continue
    words.push(word)
    command = next
  }
  return words
}
