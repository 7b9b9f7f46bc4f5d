import { afterAll, beforeAll, expect, it } from 'vitest'
import { JobRegion } from '../test-jobs.ts'

process.env['EMULATOR_ALLOCATION_SECONDS'] = '0.05'
const at = new JobRegion()

beforeAll(async () => {
  await at.open()
  await at.prepare()
})
afterAll(() => at.end())

const SPARK = {
  jobType: 'Spark',
  codeId: null,
  entry: { sparkJobEntryType: 'SparkJobPythonEntry', file: 'entry.py' },
  conf: { 'spark.executor.cores': '2' },
  args: '--rows 10',
  resources: { instanceType: 'standard_e4s_v3', runtimeVersion: '3.4' },
}
const AUTOML = {
  jobType: 'AutoML',
  taskDetails: {
    taskType: 'Classification',
    primaryMetric: 'AUCWeighted',
    targetColumnName: 'y',
    trainingData: { jobInputType: 'mltable', uri: 'azureml://datastores/workspaceblobstore/paths/train/' },
    limitSettings: { maxTrials: 5, timeout: 'PT1H' },
  },
}

it.each([
  ['spark', SPARK],
  ['automl', AUTOML],
])('keeps a job of the type %s whole, and fails it with the reason that nothing here runs it', async (name, sent) => {
  await at.made(`jobs/${name}`, sent)
  expect(await at.reaches(name, 'Failed')).toBe('Failed')
  const answer = await at.ask('GET', at.at(`jobs/${name}`))
  expect(answer.at('properties')).toMatchObject(sent)
  const { details } = at.region.runs.need(at.workspaceId, name)
  expect(JSON.stringify(details)).toContain(`The emulator keeps jobs of the type ${sent.jobType} and does not run them`)
})

it('refuses a job that does not say what it does, and one on a compute that is not there', async () => {
  const { entry: _entry, ...nothing } = SPARK
  expect((await at.ask('PUT', at.at('jobs/nothing'), { properties: nothing })).status).toBe(400)
  const elsewhere = { ...AUTOML, computeId: at.at('computes/nobody') }
  expect((await at.ask('PUT', at.at('jobs/elsewhere'), { properties: elsewhere })).status).toBe(400)
})

it('fails a pipeline at the step that nothing here runs, and leaves the steps beside it alone', async () => {
  const settings = { default_compute: at.at('computes/cluster'), continue_on_step_failure: true }
  await at.made('components/echo/versions/1', {
    componentSpec: { type: 'command', command: 'true', environment: at.at('environments/env/versions/1') },
  })
  const echo = { type: 'command', componentId: at.at('components/echo/versions/1') }
  const automl = { type: 'automl', task: 'classification', target_column_name: 'y', training_data: { path: 'x' } }
  await at.made('jobs/mixed', { jobType: 'Pipeline', jobs: { echo, train: automl }, settings })
  expect(await at.reaches('mixed', 'Completed', 'Failed')).toBe('Failed')
  const run = at.region.runs.need(at.workspaceId, 'mixed')
  const children = at.region.runs.children(run, { limit: 10 })
  const kinds = await Promise.all(
    children.map(async ({ id }) => {
      const answer = await at.ask('GET', at.at(`jobs/${id}`))
      return `${answer.at('properties.jobType')} ${answer.at('properties.status')}`
    }),
  )
  expect(kinds.toSorted()).toEqual(['AutoML Failed', 'Command Completed'])
})
