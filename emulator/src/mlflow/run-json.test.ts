import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestRegion, testRegion, WORKSPACE } from './testing.ts'

let region: TestRegion
let experiment: { readonly key: number; readonly id: string }

beforeAll(async () => {
  region = await testRegion()
  const { db, runs } = region.region
  experiment = await db.write(() => runs.experiments.create(WORKSPACE, 'texts'))
})

afterAll(() => region.close())

const texts = fc.dictionary(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ unit: 'binary' }))
const numbers = fc.dictionary(fc.string({ minLength: 1 }), fc.double())

test('what a run has logged comes back as it went in, whatever its characters and numbers', async () => {
  await fc.assert(
    fc.asyncProperty(texts, texts, numbers, async (params, tags, metrics) => {
      const { db, runs } = region.region
      const run = await db.write(() => {
        const made = runs.create(WORKSPACE, { experimentKey: experiment.key, name: 'x', status: 'Running', user: 'me' })
        const points = Object.entries(metrics).map(([key, value]) => ({ key, value, timestamp: 1, step: 0 }))
        runs.log(made, { params, tags, metrics: points })
        return made
      })
      const filter = `attributes.run_id = '${run.id}'`
      const found = await region.mlflow('POST', 'runs/search', { experiment_ids: [experiment.id], filter })
      const got = await region.mlflow('GET', `runs/get?run_id=${run.id}`)
      expect(found.at('runs.0')).toEqual(got.at('run'))
      expect(mapOf(got.at('run.data.params'))).toEqual(params)
      expect(mapOf(got.at('run.data.tags'))).toEqual({ 'mlflow.runName': 'x', ...tags })
      expect(mapOf(got.at('run.data.metrics'))).toEqual(
        Object.fromEntries(Object.entries(metrics).map(([key, value]) => [key, asDouble(value)])),
      )
    }),
    { numRuns: 60 },
  )
})

test('a search without runs is an empty object', async () => {
  const none = await region.mlflow('POST', 'runs/search', { experiment_ids: [experiment.id], filter: "tags.no = 'x'" })
  expect(none.text).toBe('{}')
  expect(none.headers['content-type']).toMatch(/^application\/json/)
})

function mapOf(list: unknown): Record<string, unknown> {
  const pairs = (list ?? []) as readonly { readonly key: string; readonly value: unknown }[]
  return Object.fromEntries(pairs.map(({ key, value }) => [key, value]))
}

/** SQLite has one zero. */
function asDouble(value: number): number | string {
  return Number.isFinite(value) ? value + 0 : String(value)
}
