import { delimiter, dirname, join } from 'node:path'
import type { Workspace } from '../ml/workspace-of.ts'
import type { Region } from '../region.ts'
import type { CommandJob } from './definition.ts'
import { DRIVER, DRIVER_VARIABLE } from './graph/parallel.ts'

/** What `${{inputs.x}}` and `${{outputs.x}}` stand for: paths, URIs and literal values. */
export interface Bindings {
  readonly inputs: Readonly<Record<string, string>>
  readonly outputs: Readonly<Record<string, string>>
}

/**
 * The text with every `${{inputs.x}}` and `${{outputs.x}}` replaced.
 *
 * A part in `$[[ ]]` falls away where an input in it was not given. What else is not known
 * stays as it is written.
 */
export function bound(text: string, { inputs, outputs }: Bindings): string {
  const value = (group: string | undefined, name: string | undefined) =>
    (group === 'inputs' ? inputs : outputs)[name ?? '']
  const binding = /\$\{\{\s*(inputs|outputs)\.([^\s}]+)\s*\}\}/g
  const optional = text.replace(/\$\[\[(.*?)\]\]/gs, (_, inside: string) =>
    [...inside.matchAll(binding)].every(([, group, name]) => value(group, name) !== undefined) ? inside : '',
  )
  return optional.replace(binding, (whole, group, name) => value(group, name) ?? whole)
}

export interface EnvironmentFacts {
  /** Name of the job, which is its run's id. */
  readonly name: string
  readonly job: CommandJob
  readonly workspace: Workspace
  readonly experimentId: string
  /** Access token for ARM and the workspace's data planes. */
  readonly token: string
  /** The job's own folder for what programs keep of their user. */
  readonly home: string
  readonly bindings: Bindings
}

/** Every variable that a job's command sees. Of the emulator's own environment it gets `PATH` alone. */
export function environmentOf(region: Region, facts: EnvironmentFacts): Record<string, string> {
  const { name, job, workspace, bindings } = facts
  const [, , subscription = '', , group = ''] = workspace.id.split('/')
  const own = Object.entries(job.environmentVariables ?? {}).map(([key, value]) => [key, bound(value, bindings)])
  return {
    HOME: facts.home,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    PATH: [dirname(process.execPath), process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'].join(delimiter),
    ...named('AZURE_ML_INPUT_', bindings.inputs),
    ...named('AZURE_ML_OUTPUT_', bindings.outputs),
    ...Object.fromEntries(own),
    MLFLOW_TRACKING_URI: `azureml://${region.name}.api.azureml.ms/mlflow/v1.0${workspace.id}`,
    MLFLOW_TRACKING_TOKEN: facts.token,
    MLFLOW_RUN_ID: name,
    MLFLOW_EXPERIMENT_ID: facts.experimentId,
    MLFLOW_EXPERIMENT_NAME: job.experimentName,
    AZUREML_RUN_ID: name,
    AZUREML_ARM_SUBSCRIPTION: subscription,
    AZUREML_ARM_RESOURCEGROUP: group,
    AZUREML_ARM_WORKSPACE_NAME: workspace.name,
    AZUREML_ARM_PROJECT_NAME: job.experimentName,
    [DRIVER_VARIABLE]: DRIVER,
    ...network(region),
  }
}

function named(prefix: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}${name}`, value]))
}

/** The way to all hosts leads through the proxy, where the job goes by the name of its region. */
function network(region: Region): Record<string, string> {
  const ca = join(region.root, 'ca.pem')
  const trust = { REQUESTS_CA_BUNDLE: ca, SSL_CERT_FILE: ca, NODE_EXTRA_CA_CERTS: ca }
  if (region.proxy === undefined) return trust
  const proxy = new URL(region.proxy)
  proxy.username = region.name
  return { ...trust, HTTPS_PROXY: proxy.href.replace(/\/$/, ''), NO_PROXY: '', NODE_USE_ENV_PROXY: '1' }
}
