import { expect, it } from 'vitest'
import { makeRun, twoHistories } from '../../../test/support/two-histories.ts'

const two = twoHistories()

it('of a deleted experiment stand in it, however many come at once', async () => {
  const { source, target, signal, service, items } = two()
  for (let n = 0; n < 12; n++) {
    const run = await makeRun(source, `run-${n}`)
    await source.tracking.log(run.info.run_id, { tags: [{ key: 'n', value: String(n) }] }, signal)
  }
  const experiment = await source.tracking.experimentByName('churn', signal)
  await source.tracking.setExperimentDeleted(experiment?.id ?? '', true, signal)
  for (const kind of ['experiment', 'run']) {
    const wanted = await items(kind, source)
    await Promise.all(wanted.map((one) => service(kind).converge(target.place, one, { source: source.place, signal })))
  }
  const digests = async (one: typeof source) => (await items('run', one)).map(({ digest }) => digest).toSorted()
  expect(await digests(target)).toEqual(await digests(source))
  expect((await target.tracking.experimentByName('churn', signal))?.deleted).toBe(true)
})

it('that is not deleted itself stays so in a deleted experiment, after the pass that follows whatever else was written', async () => {
  const { source, target, signal, carry, items } = two()
  const [kept] = [await makeRun(source, 'kept'), await makeRun(source, 'gone')]
  const { experiment_id: experimentId, run_id: id } = kept.info
  const hide = async () => {
    await source.tracking.setExperimentDeleted(experimentId, true, signal)
    await source.tracking.setRunDeleted(id, false, signal)
  }
  await hide()
  await carry()
  await carry()
  await source.tracking.setExperimentDeleted(experimentId, false, signal)
  const info = { trace_id: 'tr-1', state: 'OK' }
  await source.traces.put({ id: 'tr-1', experimentId, info }, signal)
  await source.traces.putSpans({ id: 'tr-1', experimentId, info }, [{ span_id: 'c3Bhbg==', name: 'root' }], signal)
  await hide()
  await carry()
  await carry()
  const digests = async (one: typeof source) => (await items('run', one)).map(({ digest }) => digest).toSorted()
  expect(await digests(target)).toEqual(await digests(source))
  expect(await carry()).toEqual([])
})
