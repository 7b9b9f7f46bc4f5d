import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import { makeLogged, makeRun, twoHistories } from '../../../test/support/two-histories.ts'
import { beginPass, copyHistory } from './copy.ts'
import { standingModels } from './logged.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(30_000)

it('holds no more of the replicas that stand than their ids and where their files are', async () => {
  const { source } = two()
  const { id } = await makeLogged(source, await makeRun(source, 'first'), 'lm')
  const both = copying(two())
  await copyHistory(both, signal)
  const standing = await standingModels(await beginPass(both, signal))
  expect([...(standing ?? [])].map(([shared, held]) => [shared, Object.keys(held)])).toEqual([[id, ['id', 'location']]])
})

it('carries what a logged model says, and the points about it, though its files are out of reach', async () => {
  const { source, target } = two()
  const run = await makeRun(source, 'first')
  const { id } = await makeLogged(source, run, 'lm')
  const point = { key: 'accuracy', value: 0.75, timestamp: 1500, step: 4, about: { model_id: id } }
  await source.tracking.log(run.info.run_id, { metrics: [point] }, signal)
  Object.assign(source, { artifacts: { ...source.artifacts, reaches: () => false } })
  const { troubles } = await copyHistory(copying(two()), signal)
  expect(troubles.map(({ subject, message }) => [subject.split(' ')[0], message])).toEqual(
    ['run', 'logged'].map((of) => [of, expect.stringContaining('not handed out')]),
  )
  const experiment = await target.tracking.experimentByName('churn', signal)
  const [model] = await Array.fromAsync((await target.models.list([experiment?.id ?? ''], signal)) ?? [])
  expect(model).toMatchObject({ status: 'LOGGED_MODEL_READY', metrics: [{ key: 'accuracy', value: 0.75, step: 4 }] })
})
