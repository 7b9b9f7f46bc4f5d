import type { Region } from '../region.ts'
import type { Run } from './run-types.ts'

/**
 * Shows in the ARM job what run history was told of its run: name, description, tags, properties, and
 * whether it is archived (`hidden` there). In Azure they are the same fields, and azure-ai-ml updates and
 * archives jobs in this way. A run that is no job is left alone. Only inside a write.
 */
export function mirrorJob(region: Region, run: Run, by: string): void {
  const job = region.resources.get(`${run.workspace}/jobs/${run.id}`)
  if (job === undefined) return
  const held = job.body['properties'] as Readonly<Record<string, unknown>>
  const tags = Object.fromEntries(Object.entries(region.runs.tags(run)).filter(([key]) => !key.startsWith('mlflow.')))
  const properties = {
    ...held,
    displayName: run.name,
    description: run.details.description ?? held['description'] ?? null,
    tags: { ...(held['tags'] as object | undefined), ...tags },
    properties: { ...(held['properties'] as object | undefined), ...run.properties },
    isArchived: run.stage === 'deleted',
  }
  region.resources.put(job.id, { ...job.body, properties }, by)
}
