import { expect, it } from 'vitest'
import { httpEvaluationDatasets } from './http-evaluation-datasets.ts'
import { httpLoggedModels } from './http-logged-models.ts'
import { httpTraces } from './http-traces.ts'
import type { Answer } from './tracking.ts'

const signal = AbortSignal.timeout(10_000)
const APIS = { 'logged models': httpLoggedModels, traces: httpTraces, 'evaluation datasets': httpEvaluationDatasets }
const WITHOUT: Readonly<Record<string, Answer>> = {
  'in a page of HTML': { status: 404, body: {} },
  'by its code': { status: 404, body: { error_code: 'ENDPOINT_NOT_FOUND' } },
  'as a method that it does not take': { status: 405, body: {} },
  'as something not done yet': { status: 501, body: {} },
  'as what its store cannot do': { status: 500, body: { error_code: 'FEATURE_DISABLED' } },
}
const CASES = Object.entries(APIS).flatMap(([of, open]) =>
  Object.entries(WITHOUT).map(([how, answer]) => ({ of, open, how, answer })),
)

it.each(CASES)('has no $of where the server says so $how', async ({ open, answer }) => {
  expect(await open(async () => answer).list(['1'], signal)).toBeUndefined()
})

it.each(Object.entries(APIS))(
  'says of an experiment that is gone that it is, not that there are no %s',
  async (_, open) => {
    const answer = { status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'No experiment 1' } }
    await expect(open(async () => answer).list(['1'], signal)).rejects.toMatchObject({
      code: 'azure/refused',
      message: expect.stringContaining('No experiment 1'),
    })
  },
)
