import { expect, it } from 'vitest'
import {
  carriesBetweenServers,
  makeLogged,
  makeRun,
  type OneHistory,
  servicesBetween,
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

it('tells which models a run read, which a search leaves out', async () => {
  const { source, target, carry, items } = two()
  const { model } = await fill(source)
  await carry()
  for (const one of [source, target]) {
    expect((await items('model-link', one)).flatMap(({ body }) => body['read'])).toEqual([model.id])
  }
})

it('asks for a run that is over once, and again where nothing noted is believed or a search shows a change', async () => {
  const { source, target, signal } = two()
  const { run, model } = await fill(source)
  const asked = () => askedBy(source, target)
  expect(await asked()).toHaveLength(2)
  expect(await asked()).toEqual([])
  // Nothing that a search tells is changed by this.
  await source.models.link(run.info.run_id, { read: [{ modelId: model.id, step: 0 }], made: [] }, signal)
  expect(await asked()).toEqual([])
  expect(await askedBy(source, target, true)).toHaveLength(2)
  await source.tracking.log(run.info.run_id, { tags: [{ key: 'a', value: 'b' }] }, signal)
  expect(await asked()).toEqual([run.info.run_id])
})

it('asks for a run that is open each time, and for none where there is no logged model', async () => {
  const { source, target, signal } = two()
  const run = await makeRun(source, 'first')
  await source.tracking.updateRun(run.info.run_id, { status: 'RUNNING' }, signal)
  expect(await askedBy(source, target)).toEqual([])
  await makeLogged(source, run, 'lm')
  for (const _ of [1, 2]) expect(await askedBy(source, target)).toEqual([run.info.run_id])
})

it('does not believe what it noted of a replica that it writes to', async () => {
  const { source, target, signal, carry, items } = two()
  const { run, model } = await fill(source)
  await carry()
  await source.models.link(run.info.run_id, { read: [{ modelId: model.id, step: 0 }], made: [] }, signal)
  await source.tracking.log(run.info.run_id, { tags: [{ key: 'a', value: 'b' }] }, signal)
  await carry()
  expect((await items('model-link', target)).flatMap(({ body }) => body['read'])).toEqual([model.id, model.id])
  expect(await carry()).toEqual([])
})

/** Ids of the runs that a list of a new process asks for by themselves. */
async function askedBy(history: OneHistory, other: OneHistory, afresh = false): Promise<readonly string[]> {
  const asked: string[] = []
  const { tracking } = history
  const watched: OneHistory = {
    ...history,
    tracking: {
      ...tracking,
      run: (id, until) => {
        asked.push(id)
        return tracking.run(id, until)
      },
    },
  }
  const links = servicesBetween(watched, other).find(({ kind }) => kind === 'model-link')
  await Array.fromAsync(links?.list(history.place, { signal: AbortSignal.timeout(10_000), afresh }) ?? [])
  return asked
}
