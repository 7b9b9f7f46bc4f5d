import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { Fault } from '../core/errors.ts'
import { shortLocation } from '../core/regions.ts'
import { workspaceNames } from '../engine/pointer.ts'
import { Name, Server } from './policy-schema.ts'

/** Azure's names of workspaces and of resource groups have at most so many characters (learn.microsoft.com, resource-name-rules). */
const LONGEST = { workspace: 33, group: 90 }
const SUFFIX = '-dr'

const SCHEMA = fileURLToPath(new URL('../../schema/holdfast.schema.json', import.meta.url))

const OBJECTIVES = {
  objectives: { rpo: '5m', rto: '15m' },
  sync: { every: '1m' },
}
const FAILOVER = { mode: 'manual', after: '90s', maxLoss: '10m' }

export interface FirstPolicy {
  /** Where it is to stand. */
  readonly path: string
  /** Default: made of the workspace's. */
  readonly name?: string
  /** ARM id of the primary. */
  readonly workspace: string
  /** Region of the secondary. */
  readonly secondary: string
}

/**
 * A first policy for a workspace, whose standby gets a resource group and a name of its own.
 * @throws Fault `usage/bad-argument` for a name that no protection can have
 */
export function firstPolicy({ path, name, workspace, secondary }: FirstPolicy): string {
  const { subscription, resourceGroup, workspace: own } = workspaceNames(workspace)
  const location = shortLocation(secondary)
  const group = `${resourceGroup.slice(0, LONGEST.group - location.length - 1)}-${location}`
  const standby = `${own.slice(0, LONGEST.workspace - SUFFIX.length)}${SUFFIX}`
  const target = `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.MachineLearningServices/workspaces/${standby}`
  const policy = {
    name: name === undefined ? own.toLowerCase().replaceAll('_', '-') : givenName(name),
    primary: { workspace },
    secondary: { location, workspace: target },
    ...OBJECTIVES,
    availability: { default: 'hot/warm' },
    failover: FAILOVER,
    pointer: [{ file: 'config.json' }],
  }
  return head(path) + stringify(policy)
}

/** Says to an editor where the schema is, from where the policy stands. */
function head(path: string): string {
  const way = relative(dirname(resolve(path)), SCHEMA)
  return `# yaml-language-server: $schema=${way.startsWith('.') ? way : `./${way}`}\n`
}

const SIGN_IN = `# A server that asks who one is gets, on its side:
#   signIn: { user: holdfast, password: { env: NAME_OF_A_VARIABLE } }
#   signIn: { token: { file: path/of/a/token } }
# Without it Holdfast signs in as MLflow's client does: MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN.
`

export interface FirstServersPolicy {
  /** Where it is to stand. */
  readonly path: string
  readonly name?: string
  readonly server: string
  readonly secondaryServer: string
}

/**
 * A first policy for two tracking servers.
 * @throws Fault `usage/bad-argument` for what names no server, or the same one twice
 */
export function firstServersPolicy(given: FirstServersPolicy): string {
  const server = givenServer('--server', given.server)
  const secondary = givenServer('--secondary-server', given.secondaryServer)
  if (server.toLowerCase() === secondary.toLowerCase()) {
    throw new Fault('usage/bad-argument', '--server and --secondary-server are the same', {
      hint: 'Give another server as --secondary-server.',
    })
  }
  const policy = {
    name: givenName(given.name ?? 'mlflow'),
    primary: { server },
    secondary: { server: secondary },
    ...OBJECTIVES,
    failover: FAILOVER,
    pointer: [{ env: 'active.env' }],
  }
  return head(given.path) + SIGN_IN + stringify(policy)
}

function givenName(name: string): string {
  if (Name.safeParse(name).success) return name
  throw new Fault('usage/bad-argument', `--name is ${JSON.stringify(name)}, which no protection can be called`, {
    hint: 'Give up to 40 lower-case letters, digits and hyphens, such as churn-prod.',
  })
}

/** What is no URI is not repeated: a password may stand in it. */
function givenServer(option: string, uri: string): string {
  const read = Server.safeParse(uri)
  if (read.success) return read.data
  throw new Fault('usage/bad-argument', `${option} is no URI of a tracking server`, {
    hint: 'Give one such as https://mlflow.example, without a name or password in it.',
  })
}
