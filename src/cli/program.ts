import { Command } from 'commander'
import { localCommand } from './local/command.ts'
import { applyVerb } from './verbs/apply.ts'
import { configVerb } from './verbs/config.ts'
import { initVerb } from './verbs/init.ts'
import { inventoryVerb } from './verbs/inventory.ts'
import { planVerb } from './verbs/plan.ts'
import { reportVerb } from './verbs/report.ts'
import { serveVerb } from './verbs/serve.ts'
import { lossVerb, statusVerb } from './verbs/status.ts'
import { syncVerb } from './verbs/sync.ts'
import { vantageVerb } from './verbs/vantage.ts'

const ABOUT = `Keeps the work of a machine-learning team going when the region under it is lost.

It protects Azure Machine Learning workspaces: it follows one into a second region, fails over
when the first is lost, resubmits interrupted jobs once, and proves it.`

/** Every verb of `holdfast`, in the order in which a newcomer meets them. */
export function program(): Command {
  const root = new Command('holdfast')
    .description(ABOUT)
    .version('0.1.0')
    .option('--json', 'print facts as one JSON value; what is for people goes to standard error')
    .showHelpAfterError('Run with --help to see what there is.')
    .configureHelp({ sortOptions: true, showGlobalOptions: true })
  for (const verb of VERBS) root.addCommand(verb())
  return root
}

const VERBS: readonly (() => Command)[] = [
  initVerb,
  inventoryVerb,
  applyVerb,
  planVerb,
  syncVerb,
  statusVerb,
  lossVerb,
  configVerb,
  serveVerb,
  vantageVerb,
  reportVerb,
  localCommand,
]
