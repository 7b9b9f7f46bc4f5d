import { createHash } from 'node:crypto'
import { address, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'

/** An evaluation dataset in portable form. */
export interface EvaluationDatasetBody {
  /** The id that both sides know. */
  readonly id: string
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  /** Names. */
  readonly experiments: readonly string[]
  readonly records: RecordSum
}

export interface RecordSum {
  readonly count: number
  readonly sha256: string
}

export function evaluationDatasetItem(body: EvaluationDatasetBody) {
  const experiments = [...new Set(body.experiments)].toSorted()
  const whole = { ...body, tags: { ...body.tags }, experiments, records: { ...body.records } } satisfies JsonObject
  const needs = experiments.map((name) => address('experiment', name))
  return item(address('evaluation-dataset', body.id), whole, needs)
}

export function evaluationDatasetBody(body: JsonObject): EvaluationDatasetBody {
  return body as unknown as EvaluationDatasetBody
}

/** What records come to, by their digests: in whatever order they stand. */
export function sumOfRecords(digests: Iterable<string>): RecordSum {
  const all = [...digests].toSorted()
  return { count: all.length, sha256: createHash('sha256').update(all.join('\n')).digest('hex') }
}
