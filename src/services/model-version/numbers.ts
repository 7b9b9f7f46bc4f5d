import type { ModelRegistry, ModelVersion, NewVersion } from '../../mlflow/registry.ts'
import { FILLER, isFiller, SOURCE_VERSION } from '../shared-version.ts'

/** A gap that is wider is not kept: its numbers are mapped. */
const WIDEST_GAP = 1000

/**
 * Makes a version under the number that it has at its source, where the registry still gives that one: it counts up,
 * so gaps are kept by versions that are made and deleted again. Else the next number, with a tag that says which it is.
 */
export async function createUnderNumber(
  registry: ModelRegistry,
  { wanted, number, signal }: { readonly wanted: NewVersion; readonly number: string; readonly signal: AbortSignal },
): Promise<ModelVersion> {
  const { name } = wanted
  const all = await registry.versions(name, signal)
  const last = Math.max(0, ...all.map(({ version }) => Number(version)))
  const fillers = all.filter(isFiller).map(({ version }) => version)
  const gap = Number.parseInt(number, 10) - 1 - last
  if (gap <= WIDEST_GAP) {
    for (let made = 0; made < gap; made++) {
      const filler = await registry.createVersion(
        { ...wanted, description: '', tags: [{ key: FILLER, value: 'true' }] },
        signal,
      )
      fillers.push(filler.version)
      // Deleted ones kept their numbers: it is further than the versions show.
      if (Number(filler.version) >= Number.parseInt(number, 10) - 1) break
    }
  }
  const tags = [...wanted.tags, { key: SOURCE_VERSION, value: number }]
  const created = await registry.createVersion({ ...wanted, tags }, signal)
  for (const version of fillers) await registry.deleteVersion({ name, version }, signal)
  return created
}
