import type { Region } from '../region.ts'
import type { Job } from './records.ts'

/** Where clients look for the log of a pipeline and of a sweep (azure-ai-ml, `JobLogPattern`). */
const LOGS = { Pipeline: 'logs/azureml/executionlogs.txt', Sweep: 'azureml-logs/hyperdrive.txt' } as const

/** Writes the log of a pipeline or a sweep into its artifacts: what became of each of its jobs, in order of time. */
export async function writeExecutionLog(region: Region, parent: Job, children: readonly string[]): Promise<void> {
  const { jobType } = parent.definition
  if (jobType !== 'Pipeline' && jobType !== 'Sweep') return
  const { storageAccount, artifactContainer } = parent.workspace
  const name = `ExperimentRun/dcid.${parent.name}/${LOGS[jobType]}`
  const lines = [parent.id, ...children].flatMap((id) => linesOf(region, parent, id))
  const text = lines
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, line }) => `[${new Date(at).toISOString()}] ${line}\n`)
    .join('')
  await region.blobs.ensureContainer(storageAccount, artifactContainer)
  const ref = { account: storageAccount, container: artifactContainer, name }
  await region.blobs.put(ref, Buffer.from(text), { contentType: 'text/plain' })
}

function linesOf(region: Region, parent: Job, id: string): { readonly at: number; readonly line: string }[] {
  const name = id.split('/').at(-1) ?? ''
  const run = region.runs.get(parent.workspace.id, name)
  if (run === undefined) return []
  const what = id === parent.id ? `The job ${name}` : `The child job ${name} (${run.name})`
  const lines = [{ at: run.created, line: `${what} was submitted.` }]
  if (run.start !== null) lines.push({ at: run.start, line: `${what} has started.` })
  if (run.end !== null) lines.push({ at: run.end, line: `${what} has ended as ${run.status}.` })
  return lines
}
