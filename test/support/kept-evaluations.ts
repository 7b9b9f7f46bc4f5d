import { createHash } from 'node:crypto'
import { Fault } from '../../src/core/errors.ts'
import type { JsonObject } from '../../src/core/model.ts'
import type { EvaluationDatasets, EvaluationRecord, KeptRecord } from '../../src/mlflow/evaluation-datasets.ts'

interface Kept {
  readonly id: string
  readonly name: string
  readonly tags: Record<string, string>
  readonly experiments: Set<string>
  /** By their inputs. */
  readonly records: Map<string, KeptRecord>
  changes: number
}

/**
 * Evaluation datasets in memory, as MLflow's store keeps them: a record with the inputs of another is merged into that,
 * and one that goes changes the number of records alone. (`mlflow/store/tracking/sqlalchemy_store.py`, 3.15)
 */
export function keptEvaluations(where: string): { readonly api: EvaluationDatasets; text(): string } {
  const all = new Map<string, Kept>()
  let given = 0
  const demand = (id: string): Kept => {
    const found = all.get(id)
    if (found === undefined) throw new Fault('azure/refused', `There is no dataset ${id}`, { hint: 'Look again.' })
    return found
  }
  const shown = ({ id, name, tags, changes, records }: Kept) => ({
    id,
    name,
    tags: { ...tags },
    state: `${changes} ${records.size}`,
  })
  const newId = () => `d-${createHash('sha256').update(`${where} ${given++}`).digest('hex').slice(0, 32)}`
  const api: EvaluationDatasets = {
    list: (experiments) => {
      const isTaken = (one: Kept) => experiments.length === 0 || experiments.some((id) => one.experiments.has(id))
      return Promise.resolve([...all.values()].filter(isTaken).map(shown))
    },
    experimentsOf: async (id) => [...demand(id).experiments],
    records: async function* (id) {
      yield* [...demand(id).records.values()]
    },
    create: async ({ name, tags, experimentIds }) => {
      const made = { id: newId(), name, tags: { ...tags }, experiments: new Set(experimentIds), records: new Map() }
      all.set(made.id, { ...made, changes: 0 })
      return shown(demand(made.id))
    },
    remove: async (id) => void all.delete(id),
    addExperiments: async (id, experiments) => {
      for (const one of experiments) demand(id).experiments.add(one)
      demand(id).changes += 1
    },
    removeExperiments: async (id, experiments) => {
      for (const one of experiments) demand(id).experiments.delete(one)
      demand(id).changes += 1
    },
    setTags: async (id, tags) => void Object.assign(demand(id).tags, tags),
    deleteTag: async (id, key) => {
      delete demand(id).tags[key]
    },
    put: async (id, records) => {
      const dataset = demand(id)
      if (records.length > 0) dataset.changes += 1
      for (const says of records) {
        const key = JSON.stringify(says.inputs)
        const there = dataset.records.get(key)
        const merged = there === undefined ? says : merge(there.says, says)
        dataset.records.set(key, { id: there?.id ?? newId(), says: merged, digest: digestOf(merged) })
      }
    },
    removeRecords: async (id, ids) => {
      const { records } = demand(id)
      for (const [key, one] of records) if (ids.includes(one.id)) records.delete(key)
    },
  }
  const text = () =>
    JSON.stringify([...all.values()].map((one) => [shown(one), [...one.experiments], [...one.records.values()]]))
  return { api, text }
}

function merge(there: EvaluationRecord, more: EvaluationRecord): EvaluationRecord {
  const both = (field: 'expectations' | 'tags') =>
    more[field] === null ? there[field] : { ...(there[field] as JsonObject), ...(more[field] as JsonObject) }
  return { ...there, outputs: more.outputs, expectations: both('expectations'), tags: both('tags') }
}

function digestOf({ inputs, outputs, expectations, tags, source }: EvaluationRecord): string {
  const sorted = (value: unknown) =>
    JSON.stringify(Object.entries((value ?? {}) as object).toSorted(([one], [other]) => (one < other ? -1 : 1)))
  const fields = [JSON.stringify(inputs), JSON.stringify(outputs), sorted(expectations), sorted(tags), source]
  return createHash('sha256').update(JSON.stringify(fields)).digest('hex')
}
