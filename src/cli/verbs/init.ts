import { existsSync, writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { Fault } from '../../core/errors.ts'
import { placement } from '../../core/objectives.ts'
import { regionNamed, shortLocation } from '../../core/regions.ts'
import { workspaceNames } from '../../engine/pointer.ts'
import { firstPolicy, firstServersPolicy } from '../first-policy.ts'
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
        const chosen = options.location ?? regionNamed(location)?.pair
        if (chosen === undefined) {
          throw new Fault('usage/bad-argument', `Azure pairs ${location} with no region`, {
            hint: 'Choose one with --location.',
          })
        }
        const secondary = shortLocation(chosen)
        const where = placement(location, secondary, 'geography')
        if (!where.allowed)
          throw new Fault('usage/bad-argument', where.reason, {
            hint: 'Choose another --location, or write the file by hand with `residency: any`.',
          })
        const { name, policy: path } = options
        const text = firstPolicy({ path, workspace, secondary, ...(name === undefined ? {} : { name }) })
        writeFileSync(options.policy, text)
        io.say(`${options.policy} protects ${workspace} by ${secondary}. ${where.reason}.`)
        showRights(io)
        io.say('Next: read it, then `holdfast apply`.')
        io.facts({ policy: options.policy, workspace, secondary, rights: RIGHTS })
      }),
    )
}

/** A first policy for two tracking servers. Neither is asked: `apply` does. */
function initServers(options: Options, io: Terminal): void {
  const { server, secondaryServer, name, policy } = options
  const strange = (['workspace', 'location'] as const).find((one) => options[one] !== undefined)
  if (strange !== undefined) {
    throw new Fault('usage/bad-argument', `--${strange} says nothing about tracking servers`, {
      hint: 'Give a workspace and its --location, or --server and --secondary-server.',
    })
  }
  if (server === undefined || secondaryServer === undefined) throw nothingNamed()
  const text = firstServersPolicy({ path: policy, server, secondaryServer, ...(name === undefined ? {} : { name }) })
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
