import { expect, it } from 'vitest'
import {
  carriesBetweenServers,
  makeLogged,
  makeRun,
  type OneHistory,
  twoHistories,
} from '../../../test/support/two-histories.ts'

const two = twoHistories()

async function fill(history: OneHistory) {
  const signal = AbortSignal.timeout(10_000)
  const [run, other] = [await makeRun(history, 'first'), await makeRun(history, 'second')]
  const model = await makeLogged(history, run, 'lm')
  await history.models.link(run.info.run_id, { read: [], made: [{ modelId: model.id, step: 3 }] }, signal)
  await history.models.link(other.info.run_id, { read: [{ modelId: model.id, step: 0 }], made: [] }, signal)
  return { run, model }
}

carriesBetweenServers(two, { kind: 'model-link', fill })

it('leans on the run and on the models that it names', async () => {
  const { source, items } = two()
  const { run, model } = await fill(source)
  const made = (await items('model-link', source)).find(({ address }) => address.endsWith(run.info.run_id))
  expect(made?.needs).toEqual([`run/churn/${run.info.run_id}`, `logged-model/churn/${model.id}`])
  expect(made?.body['made']).toEqual([{ model: model.id, step: 3 }])
})

it('is none of a run that names no model', async () => {
  const { source, items } = two()
  await makeRun(source, 'plain')
  expect(await items('model-link', source)).toEqual([])
})

it('adds what a run says of more models to what it said before', async () => {
  const { source, target, signal, carry, items } = two()
  const { run } = await fill(source)
  await carry()
  const more = await makeLogged(source, run, 'more')
  await source.models.link(run.info.run_id, { read: [], made: [{ modelId: more.id, step: 5 }] }, signal)
  expect(await carry()).toEqual(expect.arrayContaining([`model-link/churn/${run.info.run_id}`]))
  const bodies = async (one: typeof source) => new Set((await items('model-link', one)).map(({ digest }) => digest))
  expect(await bodies(target)).toEqual(await bodies(source))
})
