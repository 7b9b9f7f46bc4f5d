import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import { twoHistories } from '../../../test/support/two-histories.ts'
import type { TrackedExperiment, Tracking } from '../../mlflow/tracking.ts'
import type { HistoryParts } from './parts.ts'
import { openPass } from './pass.ts'
import { followRenames, noteExperiments } from './renamed.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(30_000)

/** A server that numbers its experiments, each made a second after the one before. */
function numbered(tracking: Tracking, names: readonly string[], created: number): Tracking {
  const all = new Map<string, TrackedExperiment>(
    names.map((name, n) => [
      String(n + 1),
      { id: String(n + 1), name, deleted: false, tags: [], created: `${created + n}` },
    ]),
  )
  return {
    ...tracking,
    experiments: async function* () {
      yield* all.values()
    },
    experiment: async (id) => all.get(id),
    renameExperiment: async (id, name) => {
      const found = all.get(id)
      if (found !== undefined) all.set(id, { ...found, name })
    },
  }
}

/** Follows renames of the source's experiments, and notes replicas. Gives the names that the target has then, in the order of ids. */
async function followed(both: HistoryParts, tracking: Tracking, names: readonly string[]): Promise<readonly string[]> {
  const experiments = new Map(names.map((name, n) => [`s-${n}`, { id: `s-${n}`, name, deleted: false, tags: [] }]))
  const pass = openPass({ ...both, to: { ...both.to, tracking } }, experiments, signal)
  await followRenames(pass)
  const there = await Array.fromAsync(tracking.experiments(signal))
  await noteExperiments(pass, there)
  expect(pass.troubles).toEqual([])
  return there.map(({ name }) => name)
}

it('follow their experiments, and change names with each other as these do', async () => {
  const both = copying(two())
  const server = numbered(both.to.tracking, ['churn', 'served'], 1000)
  await followed(both, server, ['churn', 'served'])
  expect(await followed(both, server, ['churned', 'served'])).toEqual(['churned', 'served'])
  expect(await followed(both, server, ['served', 'churned'])).toEqual(['served', 'churned'])
})

it('keep their names where the server is made anew and gives the same ids to others', async () => {
  const both = copying(two())
  await followed(both, numbered(both.to.tracking, ['churn', 'served'], 1000), ['churn', 'served'])
  const anew = numbered(both.to.tracking, ['theirs', 'served', 'churn'], 5000)
  for (const _ of [1, 2]) {
    expect(await followed(both, anew, ['churn', 'served'])).toEqual(['theirs', 'served', 'churn'])
  }
})
