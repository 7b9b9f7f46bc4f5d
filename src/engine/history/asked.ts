import type { TrackedExperiment } from '../../mlflow/tracking.ts'
import { apart, type Pass } from './pass.ts'

/**
 * Names what was asked for and is not at the source: whoever mistypes a name must not be told that all is well.
 *
 * @param experiments all that were chosen, those too that may not be read
 */
export async function nameAbsent(pass: Pass, experiments: ReadonlyMap<string, TrackedExperiment>): Promise<void> {
  const { parts, signal } = pass
  const { from, filter } = parts
  const lost = (subject: string, message: string) => pass.troubles.push({ subject, code: 'sync/loss', message })
  const chosen = new Set([...experiments.values()].map(({ name }) => name))
  for (const name of filter.experiments) if (!chosen.has(name)) lost(`experiment ${name}`, `${from.name} has none`)
  for (const id of filter.runs ?? []) {
    await apart(pass, `run ${id}`, async () => {
      // What a search found is known already.
      const experiment = from.census.byId(id)?.experimentId ?? (await from.tracking.run(id, signal))?.info.experiment_id
      if (experiment === undefined) lost(`run ${id}`, `${from.name} has none`)
      else if (!experiments.has(experiment)) lost(`run ${id}`, 'it is in no experiment that was named')
    })
  }
  for (const name of filter.models) {
    await apart(pass, `registered model ${name}`, async () => {
      const model = await from.registry?.model(name, signal)
      if (model === undefined) lost(`registered model ${name}`, `${from.name} has none`)
    })
  }
}
