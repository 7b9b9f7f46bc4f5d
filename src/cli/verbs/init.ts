import { existsSync, writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { stringify } from 'yaml'
import { Fault } from '../../core/errors.ts'
import { placement } from '../../core/objectives.ts'
import { regionNamed } from '../../core/regions.ts'
import { workspaceNames } from '../../engine/pointer.ts'
import { parsePolicies } from '../policy-file.ts'
import { RIGHTS } from '../rights.ts'
import type { Terminal } from '../terminal.ts'
import { act, examples } from '../verb.ts'

interface Options {
  readonly workspace: string
  readonly location?: string
  readonly name?: string
  readonly policy: string
  readonly force?: boolean
}

/** `holdfast init`: a first holdfast.yaml for a workspace. */
export function initVerb(): Command {
  return new Command('init')
    .description('write a first holdfast.yaml for a workspace')
    .requiredOption('--workspace <id>', 'ARM id of the workspace to protect')
    .option('--location <region>', 'region of the secondary (default: the one that Azure pairs)')
    .option('--name <name>', 'name of the protection (default: the workspace’s)')
    .option('--policy <path>', 'file to write', 'holdfast.yaml')
    .option('--force', 'replace the file if it is there')
    .addHelpText(
      'after',
      examples(
        'holdfast init --workspace /subscriptions/…/workspaces/churn',
        'holdfast init --workspace … --location centralus',
      ),
    )
    .action(
      act<Options>(async (options, io) => {
        if (existsSync(options.policy) && options.force !== true) {
          throw new Fault('usage/bad-argument', `${options.policy} is there already`, {
            hint: 'Edit it, or give --force to replace it.',
          })
        }
        const { workspace, location } = await primaryOf(options.workspace)
        const secondary = options.location ?? regionNamed(location)?.pair
        if (secondary === undefined || secondary === null) {
          throw new Fault('usage/bad-argument', `Azure pairs ${location} with no region`, {
            hint: 'Choose one with --location.',
          })
        }
        const where = placement(location, secondary, 'geography')
        if (!where.allowed)
          throw new Fault('usage/bad-argument', where.reason, {
            hint: 'Choose another --location, or write the file by hand with `residency: any`.',
          })
        const text = firstPolicy({ name: options.name ?? workspaceNames(workspace).workspace, workspace, secondary })
        parsePolicies(text, options.policy)
        writeFileSync(options.policy, text)
        io.say(`${options.policy} protects ${workspace} by ${secondary}. ${where.reason}.`)
        showRights(io)
        io.say('Next: read it, then `holdfast apply`.')
        io.facts({ policy: options.policy, workspace, secondary, rights: RIGHTS })
      }),
    )
}

/** What whoever runs Holdfast must be allowed, by verb. */
function showRights(io: Terminal): void {
  const rows = RIGHTS.map(({ to, verbs, onActive, onStandby }) => [
    [to, ...verbs.map((verb) => `  ${verb}`)].join('\n'),
    onActive.join('\n'),
    onStandby.join('\n'),
  ])
  io.say()
  io.say('The least roles for each, on the resource group of a side and on its default storage account:')
  io.say(io.table(['TO', 'ON THE ACTIVE SIDE', 'ON THE STANDBY'], rows))
  io.say('Give them now: a role can take an hour to take effect, and none can be given during an outage.')
  io.say()
}

async function primaryOf(id: string): Promise<{ workspace: string; location: string }> {
  workspaceNames(id)
  const { findWorkspace } = await import('../compose/workspace.ts')
  const found = await findWorkspace(id)
  if (found !== undefined) return found
  throw new Fault('usage/bad-argument', `There is no workspace ${id}`, {
    hint: 'Look at the id in the portal, or at your rights.',
  })
}

function firstPolicy({ name, workspace, secondary }: { name: string; workspace: string; secondary: string }): string {
  const { subscription, resourceGroup, workspace: own } = workspaceNames(workspace)
  const group = `${resourceGroup}-${secondary}`
  const target = `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.MachineLearningServices/workspaces/${own}-dr`
  const policy = {
    name,
    primary: { workspace },
    secondary: { location: secondary, workspace: target },
    objectives: { rpo: '5m', rto: '15m' },
    sync: { every: '1m' },
    availability: { default: 'hot/warm' },
    failover: { mode: 'manual', after: '90s', maxLoss: '10m' },
    pointer: [{ file: 'config.json' }],
  }
  return `# yaml-language-server: $schema=./schema/holdfast.schema.json\n${stringify(policy)}`
}
