import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import { makeLogged, makeRun, twoHistories } from '../../../test/support/two-histories.ts'
import { Fault } from '../../core/errors.ts'
import { copyHistory } from './copy.ts'

const two = twoHistories()

it('makes a logged model once, though it was made before and nobody heard', async () => {
  const { source, target, signal, items } = two()
  await makeLogged(source, await makeRun(source, 'first'), 'lm')
  const { models } = target
  let asked = 0
  const create: typeof models.create = async (...wanted) => {
    const made = await models.create(...wanted)
    if (++asked === 1) throw new Fault('azure/unreachable', 'it did not answer')
    return made
  }
  Object.assign(target, { models: { ...models, create } })
  expect(await copyHistory(copying(two()), signal)).toMatchObject({ troubles: [], tally: { loggedModels: 1 } })
  expect(await items('logged-model', target)).toHaveLength(1)
})

it('carries a deleted experiment with all its runs, traces and models', async () => {
  const { source, target, signal, items } = two()
  for (let n = 0; n < 12; n++) {
    const run = await makeRun(source, `run-${n}`)
    const experimentId = run.info.experiment_id
    if (n === 0) await makeLogged(source, run, 'lm')
    const info = { trace_id: `tr-${n}`, state: 'OK', trace_metadata: { 'mlflow.sourceRun': run.info.run_id } }
    await source.traces.put({ id: `tr-${n}`, experimentId, info }, signal)
    await source.traces.putSpans({ id: `tr-${n}`, experimentId, info }, [{ span_id: 'c3Bhbg==', name: 'root' }], signal)
  }
  const experiment = await source.tracking.experimentByName('churn', signal)
  await source.tracking.setExperimentDeleted(experiment?.id ?? '', true, signal)
  const { troubles, counts } = await copyHistory(copying(two()), signal)
  expect(troubles).toEqual([])
  expect(counts).toEqual([{ experiment: 'churn', source: 12, target: 12 }])
  for (const kind of ['experiment', 'run', 'trace', 'logged-model']) {
    const bodies = async (one: typeof source) => (await items(kind, one)).map(({ digest }) => digest).toSorted()
    expect(await bodies(target)).toEqual(await bodies(source))
  }
})
