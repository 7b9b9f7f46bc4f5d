import { expect, it } from 'vitest'
import { carriesBetweenServers, makeRun, type OneHistory, twoHistories } from '../../../test/support/two-histories.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(30_000)
const ID = 'tr-0123456789abcdef0123456789abcdef'
const SPAN = { trace_id: 'dHJhY2U=', span_id: 'c3Bhbg==', name: 'root', events: [{ name: 'tick' }] }

async function fill(history: OneHistory, state = 'OK') {
  const run = await makeRun(history, 'first')
  const experimentId = run.info.experiment_id
  const info = {
    trace_id: ID,
    trace_location: { type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: experimentId } },
    request_time: '2026-01-01T00:00:00Z',
    state,
    tags: { who: 'ada', 'mlflow.artifactLocation': `here/${experimentId}` },
    trace_metadata: { 'mlflow.sourceRun': run.info.run_id },
    assessments: [{ assessment_id: 'a1', assessment_name: 'good', feedback: { value: true } }],
  }
  await history.traces.put({ id: ID, experimentId, info }, signal)
  await history.traces.putSpans({ id: ID, experimentId, info }, [SPAN], signal)
  return { run, experimentId, info }
}

carriesBetweenServers(two, { kind: 'trace', fill })

it('names the replica of its run, in the experiment of that name, with its spans', async () => {
  const { source, target, carry } = two()
  const { run } = await fill(source)
  await carry()
  const replica = target.census.byShared(run.info.run_id)
  const [trace] = await Array.fromAsync((await target.traces.list([replica?.experimentId ?? ''], signal)) ?? [])
  expect(trace?.info['trace_metadata']).toEqual({ 'mlflow.sourceRun': replica?.id })
  expect(trace?.info['tags']).toEqual({ who: 'ada' })
  expect(await target.traces.spans(ID, signal)).toEqual([SPAN])
})

it('that is over is read once while it says the same of itself, and one that goes on each time', async () => {
  const { source, items, service } = two()
  await fill(source)
  const spans: string[] = []
  const { traces } = source
  Object.assign(source, {
    traces: {
      ...traces,
      spans: (id: string, until: AbortSignal) => {
        spans.push(id)
        return traces.spans(id, until)
      },
    },
  })
  await items('trace', source)
  await items('trace', source)
  expect(spans.splice(0)).toHaveLength(1)
  await fill(source, 'IN_PROGRESS')
  const [open] = await items('trace', source)
  await items('trace', source)
  expect(spans).toHaveLength(2)
  expect(service('trace').open?.(open?.body ?? {})).toBe(true)
})

it('gets the tags, assessments and spans that only the other side has, when both sides went on', async () => {
  const { source, target, service, carry, items } = two()
  const { experimentId, info } = await fill(source)
  await carry()
  const more = { ...SPAN, span_id: 'bW9yZQ==', name: 'child' }
  const assessments = [
    ...info.assessments,
    { assessment_id: 'a2', assessment_name: 'late', feedback: { value: false } },
  ]
  const changed = { ...info, tags: { ...info.tags, who: 'bob', why: 'x' }, assessments }
  await source.traces.put({ id: ID, experimentId, info: changed }, signal)
  await source.traces.putSpans({ id: ID, experimentId, info: changed }, [more], signal)
  const [theirs] = await items('trace', source)
  if (theirs === undefined) throw new Error('no trace')
  await service('trace').mergeInto?.(target.place, theirs, { source: source.place, signal })
  const [stands] = await items('trace', target)
  expect(stands?.body['info']).toMatchObject({
    tags: { who: 'ada', why: 'x' },
    assessments: [{ assessment_id: 'a1' }, { assessment_id: 'a2' }],
  })
  expect(await target.traces.spans(ID, signal)).toHaveLength(2)
})

it('is as long as its client said, whatever its spans come to', async () => {
  const { source, carry, items } = two()
  const { experimentId, info } = await fill(source)
  await source.traces.put({ id: ID, experimentId, info: { ...info, execution_duration: '0.123s' } }, signal)
  await carry()
  expect(await carry()).toEqual([])
  const [stands] = await items('trace', two().target)
  expect(stands?.body['info']).toMatchObject({ execution_duration: '0.123s' })
})

it('loses the tag and the assessment that are taken away at its source', async () => {
  const { source, target, carry } = two()
  await fill(source)
  await carry()
  await source.traces.deleteTag(ID, 'who', signal)
  await source.traces.deleteAssessment(ID, 'a1', signal)
  await carry()
  expect((await target.traces.trace(ID, signal))?.info).toMatchObject({ tags: {}, assessments: [] })
  expect(await carry()).toEqual([])
})

it('stands in an experiment that is deleted, whoever else is written to it at once', async () => {
  const { source, target, service, carry, items } = two()
  const { experimentId, info } = await fill(source)
  await carry()
  const ids = Array.from({ length: 12 }, (_, n) => `tr-${n}`)
  for (const id of ids) {
    await source.traces.put({ id, experimentId, info: { ...info, trace_id: id } }, signal)
    await source.traces.putSpans({ id, experimentId, info }, [{ ...SPAN, span_id: id }], signal)
  }
  await source.tracking.setExperimentDeleted(experimentId, true, signal)
  await carryAll('experiment')
  await carryAll('trace')
  expect((await items('trace', target)).map((one) => one.digest)).toEqual(
    (await items('trace', source)).map((one) => one.digest),
  )
  expect((await target.tracking.experimentByName('churn', signal))?.deleted).toBe(true)

  async function carryAll(kind: string): Promise<void> {
    const wanted = await items(kind, source)
    await Promise.all(wanted.map((one) => service(kind).converge(target.place, one, { source: source.place, signal })))
  }
})

it('that names an original by an id which is another here names it by its own id where it is taken back', async () => {
  const { source, target, carry, items } = two()
  const { run, experimentId } = await fill(source)
  await carry()
  const there = target.census.byShared(run.info.run_id)
  const id = 'tr-of-the-standby'
  const info = { trace_id: id, state: 'OK', trace_metadata: { 'mlflow.sourceRun': run.info.run_id } }
  await target.traces.put({ id, experimentId: there?.experimentId ?? '', info }, signal)
  await carry(target, source)
  const taken = await source.traces.trace(id, signal)
  expect(taken).toMatchObject({ experimentId, info: { trace_metadata: { 'mlflow.sourceRun': run.info.run_id } } })
  await carry()
  expect((await target.traces.trace(id, signal))?.info['trace_metadata']).toEqual({ 'mlflow.sourceRun': there?.id })
  expect(await items('trace', target)).toEqual(
    (await items('trace', source)).map((one) => expect.objectContaining({ address: one.address, digest: one.digest })),
  )
})
