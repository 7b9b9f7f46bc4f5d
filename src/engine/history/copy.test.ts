import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import { makeLogged, makeRun, type OneHistory, twoHistories } from '../../../test/support/two-histories.ts'
import { Fault } from '../../core/errors.ts'
import { counted } from './census.ts'
import { copyHistory } from './copy.ts'
import type { HistoryFilter } from './parts.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(60_000)

it('makes a logged model once, though it was made before and nobody heard', async () => {
  const { source, target, items } = two()
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
  const { source, target, items } = two()
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

it('carries the rest, and names what it could not, where a place refuses a part of what it has', async () => {
  const { source, target, items } = two()
  const run = await makeRun(source, 'first')
  await source.registry.createModel({ name: 'm', description: '', tags: [] }, signal)
  const broken = () => Promise.reject(new Fault('azure/unreachable', 'it failed', { facts: { status: 500 } }))
  Object.assign(source, {
    traces: { ...source.traces, list: broken },
    evaluations: { ...source.evaluations, list: broken },
    models: { ...source.models, list: broken },
  })
  const { troubles } = await copyHistory(copying(two()), signal)
  expect(troubles.map(({ subject }) => subject)).toEqual(
    expect.arrayContaining(['traces', 'evaluation datasets', 'logged models']),
  )
  expect(await items('registered-model', target)).toHaveLength(1)
  expect(await items('run', target)).toHaveLength(1)
  expect(run).toBeDefined()
})

it('ends where a place does not answer at all', async () => {
  const { source } = two()
  await makeRun(source, 'first')
  const silent = () => Promise.reject(new Fault('azure/unreachable', 'it did not answer'))
  Object.assign(source, { traces: { ...source.traces, list: silent } })
  await expect(copyHistory(copying(two()), signal)).rejects.toMatchObject({ code: 'azure/unreachable' })
})

it('names the experiments whose traces only MLflow 2 knows how to hand out', async () => {
  const { source } = two()
  await makeRun(source, 'first')
  const older = { list: async () => undefined, hasOlder: async () => true }
  Object.assign(source, { traces: { ...source.traces, ...older } })
  const { troubles } = await copyHistory(copying(two()), signal)
  expect(troubles).toMatchObject([{ subject: 'experiment churn', code: 'sync/loss' }])
})

/** Names of the runs of the one experiment that are not deleted. */
async function active(history: OneHistory): Promise<readonly string[]> {
  const experiment = await history.tracking.experimentByName('churn', signal)
  const runs = await Array.fromAsync(history.tracking.runs([experiment?.id ?? ''], signal))
  const living = runs.filter(({ info }) => info['lifecycle_stage'] !== 'deleted')
  return living.map(({ info }) => String(info['run_name'])).toSorted()
}

/** A deleted experiment, of which one run was restored by itself, with its copy. */
async function copiedAndDeleted() {
  const { source, target } = two()
  const [kept, gone] = [await makeRun(source, 'kept'), await makeRun(source, 'gone')]
  const experimentId = kept.info.experiment_id
  const hide = async () => {
    await source.tracking.setExperimentDeleted(experimentId, true, signal)
    await source.tracking.setRunDeleted(kept.info.run_id, false, signal)
  }
  await hide()
  const both = copying(two())
  await copyHistory(both, signal)
  expect(await active(target)).toEqual(['kept'])
  /** Another run and its trace, in the same experiment. */
  const more = async () => {
    await source.tracking.setExperimentDeleted(experimentId, false, signal)
    const { run_id: id } = (await makeRun(source, 'late')).info
    const about = { request_time: '2026-01-31T12:00:00Z', trace_metadata: { 'mlflow.sourceRun': id } }
    const info = { trace_id: `tr-${id}`, state: 'OK', ...about }
    const trace = { id: `tr-${id}`, experimentId, info }
    await source.traces.put(trace, signal)
    await source.traces.putSpans(trace, [{ span_id: 'c3Bhbg==', name: 'root' }], signal)
    await hide()
    return id
  }
  return { source, target, both, gone, experimentId, more }
}

const CHOICES: Readonly<Record<string, (late: string) => Partial<HistoryFilter>>> = {
  'in a copy of all': () => ({}),
  'in a copy of what is recent': () => ({ since: 0 }),
  'in a copy of another run': (late) => ({ runs: new Set([late]) }),
}

it.each(Object.entries(CHOICES))(
  'leaves a run as it is in a deleted experiment that is written to, %s',
  async (_, of) => {
    const { target, both, more } = await copiedAndDeleted()
    const filter = { ...both.filter, ...of(await more()) }
    expect(await copyHistory({ ...both, filter }, signal)).toMatchObject({ troubles: [], tally: { traces: 1 } })
    expect(await active(target)).toEqual(['kept'])
  },
)

it('deletes again what was restored with its experiment, though nothing of the run itself changed', async () => {
  const { source, target, both, gone, experimentId } = await copiedAndDeleted()
  await source.tracking.setExperimentDeleted(experimentId, false, signal)
  await source.tracking.setRunDeleted(gone.info.run_id, true, signal)
  await copyHistory(both, signal)
  expect(await active(target)).toEqual(['kept'])
})

/** Carries what is recent, and is cut off by the first call of this kind that finds something to do. */
async function cutOff(at: 'setRunDeleted' | 'setExperimentDeleted', to: boolean): Promise<void> {
  const { target, both, more } = await copiedAndDeleted()
  await more()
  const since = Date.parse('2026-01-31T00:00:00Z')
  const { tracking } = target
  const over = new AbortController()
  const change: typeof tracking.setRunDeleted = async (id, deleted, until) => {
    if (deleted === to) over.abort(new Fault('run/interrupted', 'killed'))
    over.signal.throwIfAborted()
    await tracking[at](id, deleted, until)
  }
  // The experiment stands as it is to stand: nothing but a note tells that its runs may not.
  const census = counted({ ...tracking, [at]: change }, target.census)
  Object.assign(target, { tracking: census })
  const recent = { ...both, filter: { ...both.filter, since } }
  await expect(copyHistory(recent, over.signal)).rejects.toThrow('killed')
  Object.assign(target, { tracking })
  expect(await active(target)).not.toEqual(['kept'])
  expect(await copyHistory(recent, signal)).toMatchObject({ troubles: [] })
  expect(await active(target)).toEqual(['kept'])
  expect([...both.ledger.keys('shaken/')]).toEqual([])
}

it('puts right in a copy of what is recent what another left that was killed when the experiment was deleted again', () =>
  cutOff('setRunDeleted', false))

it('puts right in a copy of what is recent what another left that was killed before the experiment was deleted again', () =>
  cutOff('setExperimentDeleted', true))

it('puts right what a copy left that was killed while a deleted experiment was awake', async () => {
  const { target, both } = await copiedAndDeleted()
  const there = await target.tracking.experimentByName('churn', signal)
  await target.tracking.setExperimentDeleted(there?.id ?? '', false, signal)
  await copyHistory(both, signal)
  expect(await active(target)).toEqual(['kept'])
  const before = await target.kept()
  await copyHistory(both, signal)
  expect(await target.kept()).toEqual(before)
})

/** A copy from a source that refuses whoever asks for runs of these experiments. */
function forbidding(names: readonly string[]) {
  const both = copying(two())
  const { tracking } = two().source
  const runs: typeof tracking.runs = async function* (ids, until, filter) {
    for await (const { id, name } of tracking.experiments(until)) {
      if (ids.includes(id) && names.includes(name)) throw new Fault('azure/denied', `${name} is not yours`)
    }
    yield* tracking.runs(ids, until, filter)
  }
  return { ...both, from: { ...both.from, tracking: { ...tracking, runs } } }
}

it('carries the other experiments where one may not be read, and names that', async () => {
  const { source, target } = two()
  await makeRun(source, 'first')
  await source.tracking.createExperiment('theirs', [], signal)
  expect(await copyHistory(forbidding(['theirs']), signal)).toMatchObject({
    troubles: [{ subject: 'experiment theirs', code: 'azure/denied', message: 'theirs is not yours' }],
    counts: [{ experiment: 'churn', source: 1, target: 1 }],
  })
  expect(await active(target)).toEqual(['first'])
})

it('ends where none of them may be read', async () => {
  const { source } = two()
  await makeRun(source, 'first')
  await source.tracking.createExperiment('theirs', [], signal)
  await expect(copyHistory(forbidding(['theirs', 'churn']), signal)).rejects.toMatchObject({ code: 'azure/denied' })
})

it('brings the points about a logged model that are of a run which comes later', async () => {
  const { source, target } = two()
  const [trained, evaluated] = [await makeRun(source, 'trained'), await makeRun(source, 'evaluated')]
  const model = await makeLogged(source, trained, 'lm')
  const point = { key: 'accuracy', value: 0.5, timestamp: 1500, step: 1, about: { model_id: model.id } }
  await source.tracking.log(evaluated.info.run_id, { metrics: [point] }, signal)
  const both = copying(two())
  const points = async () => {
    const experiment = await target.tracking.experimentByName('churn', signal)
    const [there] = await Array.fromAsync((await target.models.list([experiment?.id ?? ''], signal)) ?? [])
    return there?.metrics.map(({ value }) => value)
  }
  const one = { ...both, filter: { ...both.filter, runs: new Set([trained.info.run_id]) } }
  expect((await copyHistory(one, signal)).remarks).toMatchObject([{ subject: `logged model ${model.id} (lm)` }])
  expect(await points()).toEqual([])
  expect(await copyHistory(both, signal)).toMatchObject({ troubles: [], tally: { loggedModels: 1 } })
  expect(await points()).toEqual([0.5])
  expect(await copyHistory(both, signal)).toMatchObject({ tally: { loggedModels: 0 } })
})
