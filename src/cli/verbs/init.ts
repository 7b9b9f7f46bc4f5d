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
  readonly workspace?: string
  readonly server?: string
  readonly secondaryServer?: string
  readonly location?: string
  readonly name?: string
  readonly policy: string
  readonly force?: boolean
}

/** `holdfast init`: a first holdfast.yaml for a workspace, or for a tracking server. */
export function initVerb(): Command {
  return new Command('init')
    .description('write a first holdfast.yaml for a workspace, or for a tracking server of MLflow')
    .option('--workspace <id>', 'ARM id of the workspace to protect')
    .option('--server <uri>', 'URI of the tracking server to protect, in place of a workspace')
    .option('--secondary-server <uri>', 'URI of the tracking server that is to follow it')
    .option('--location <region>', 'region of the secondary (default: the one that Azure pairs)')
    .option('--name <name>', 'name of the protection (default: the workspace’s)')
    .option('--policy <path>', 'file to write', 'holdfast.yaml')
    .option('--force', 'replace the file if it is there')
    .addHelpText(
      'after',
      examples(
        'holdfast init --workspace /subscriptions/…/workspaces/churn',
        'holdfast init --workspace … --location centralus',
        'holdfast init --server https://mlflow-a.example --secondary-server https://mlflow-b.example',
      ),
    )
    .action(
      act<Options>(async (options, io) => {
        if (existsSync(options.policy) && options.force !== true) {
          throw new Fault('usage/bad-argument', `${options.policy} is there already`, {
            hint: 'Edit it, or give --force to replace it.',
          })
        }
        if (options.server !== undefined || options.secondaryServer !== undefined) return initServers(options, io)
        if (options.workspace === undefined) throw nothingNamed()
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

/** A first policy for two tracking servers. Neither is asked: `apply` does. */
function initServers({ server, secondaryServer, name, policy }: Options, io: Terminal): void {
  if (server === undefined || secondaryServer === undefined) throw nothingNamed()
  const text = serversPolicy({ name: name ?? 'mlflow', server, secondaryServer })
  parsePolicies(text, policy)
  writeFileSync(policy, text)
  io.say(`${policy} protects ${server} by ${secondaryServer}.`)
  io.say('Whoever writes there must read the URI of the server from a pointer: nothing can stop those who do not.')
  io.say('Next: read it, then `holdfast apply` sees that the secondary answers, and `holdfast sync` carries.')
  io.facts({ policy, server, secondaryServer })
}

function nothingNamed(): Fault {
  return new Fault('usage/bad-argument', 'It is not said what is to be protected', {
    hint: 'Give --workspace, or both --server and --secondary-server.',
  })
}

/** What whoever runs Holdfast must be allowed, by verb. */
function showRights(io: Terminal): void {
  const rows = RIGHTS.map(({ to, verbs, onActive, onStandby }) => [
    [to, ...verbs.map((verb) => `  ${verb}`)].join('\n'),
    onActive.join('\n'),
    onStandby.join('\n'),
  ])
  io.say()
  io.say(
    'The least roles for each, on the resource group of a side and on its default storage account, or where it is said:',
  )
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

const SIGN_IN = `# A server that asks who one is gets, on its side:
#   signIn: { user: holdfast, password: { env: NAME_OF_A_VARIABLE } }
#   signIn: { token: { file: path/of/a/token } }
# Without it Holdfast signs in as MLflow's client does: MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN.
`

interface Servers {
  readonly name: string
  readonly server: string
  readonly secondaryServer: string
}

function serversPolicy({ name, server, secondaryServer }: Servers): string {
  const policy = {
    name,
    primary: { server },
    secondary: { server: secondaryServer },
    objectives: { rpo: '5m', rto: '15m' },
    sync: { every: '1m' },
    failover: { mode: 'manual', after: '90s', maxLoss: '10m' },
    pointer: [{ env: 'active.env' }],
  }
  return `# yaml-language-server: $schema=./schema/holdfast.schema.json\n${SIGN_IN}${stringify(policy)}`
}
