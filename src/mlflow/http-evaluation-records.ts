import { createHash } from 'node:crypto'
import type { Json, JsonObject } from '../core/model.ts'
import { callsOf, listOf, textOf } from './call.ts'
import {
  type EvaluationDatasets,
  type EvaluationRecord,
  type KeptRecord,
  RECORD_FIELDS,
} from './evaluation-datasets.ts'
import { exactJson, exactText, sorted } from './exact-json.ts'
import type { Request, Send } from './tracking.ts'

const PAGE = 1000
const RECORDS_A_CALL = 200

/** The records of MLflow's evaluation datasets. They come and go as Python's JSON in a text. */
export function httpEvaluationRecords(
  send: Send,
  pathOf: (id: string) => string,
): Pick<EvaluationDatasets, 'records' | 'put' | 'removeRecords'> {
  const { call, pages } = callsOf(send)

  async function* records(id: string, signal: AbortSignal): AsyncIterable<KeptRecord> {
    const ask = (token?: string): Request => ({
      method: 'GET',
      path: pathOf(id),
      query: { max_results: String(PAGE), ...(token === undefined ? {} : { page_token: token }) },
      signal,
    })
    for await (const page of pages(ask)) yield* recordsIn(page['records']).map(keptFrom)
  }

  return {
    records,
    put: async (id, all, signal) => {
      for (let from = 0; from < all.length; from += RECORDS_A_CALL) {
        const body = { dataset_id: id, records: recordsText(all.slice(from, from + RECORDS_A_CALL)) }
        await call({ method: 'POST', path: pathOf(id), body, signal })
      }
    },
    removeRecords: async (id, all, signal) => {
      for (let from = 0; from < all.length; from += RECORDS_A_CALL) {
        const body = { dataset_id: id, dataset_record_ids: all.slice(from, from + RECORDS_A_CALL) }
        await call({ method: 'DELETE', path: pathOf(id), body, signal })
      }
    },
  }
}

function recordsIn(value: Json | undefined): readonly JsonObject[] {
  return typeof value === 'string' && value !== '' ? listOf(exactJson(value)) : []
}

function recordsText(records: readonly EvaluationRecord[]): string {
  return exactText(records.map((one) => Object.fromEntries(RECORD_FIELDS.map((field) => [`'${field}`, one[field]]))))
}

function keptFrom(raw: JsonObject): KeptRecord {
  const [inputs, outputs, expectations, tags, source] = RECORD_FIELDS.map((field) => raw[`'${field}`] ?? null)
  const says = { inputs, outputs, expectations, tags, source } as EvaluationRecord
  const digest = createHash('sha256')
    .update(JSON.stringify(sorted({ ...says })))
    .digest('hex')
    .slice(0, 32)
  return { id: textOf(raw["'dataset_record_id"]).slice(1), says, digest }
}
