import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import {
  makeLogged,
  makeRun,
  type OneHistory,
  rootOf,
  twoHistories,
  writeText,
} from '../../../test/support/two-histories.ts'
import type { LoggedModel } from '../../mlflow/logged-models.ts'
import type { TrackedRun } from '../../mlflow/tracking.ts'
import { copyHistory } from './copy.ts'
import { verifyHistory } from './verify.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(30_000)
const TRACE = 'tr-1'
const DATASET = { tags: [], dataset: { name: 'rows', digest: 'd', source_type: 'http', source: '{}' } }

/** One of each kind of thing that a history has. */
async function fill(history: OneHistory): Promise<void> {
  const run = await makeRun(history, 'first')
  const { run_id: id, experiment_id: experimentId } = run.info
  const model = await makeLogged(history, run, 'lm')
  const point = { key: 'accuracy', value: 0.75, timestamp: 1500, step: 4 }
  await history.tracking.log(id, { metrics: [{ ...point, about: { model_id: model.id } }] }, signal)
  await history.tracking.logInputs(id, [DATASET], signal)
  await history.models.link(id, { read: [{ modelId: model.id, step: 0 }], made: [] }, signal)
  await writeText(history, model.location, { 'weights.bin': 'as it is' })
  await writeText(history, rootOf(run), { 'note.txt': 'as it is' })
  const assessment = { assessment_id: 'a-1', assessment_name: 'good', feedback: { value: true } }
  const info = { trace_id: TRACE, state: 'OK', tags: { who: 'ada' }, assessments: [assessment] }
  await history.traces.put({ id: TRACE, experimentId, info }, signal)
  await history.traces.putSpans({ id: TRACE, experimentId, info }, [{ span_id: 'c3Bhbg==', name: 'root' }], signal)
  await history.traces.link(id, [TRACE], signal)
  const { registry } = history
  const tags = [{ key: 'mlflow.prompt.is_prompt', value: 'true' }]
  await registry.createModel({ name: 'greeting', description: '', tags }, signal)
  const of = { name: 'greeting', source: 'prompt-template', runId: '', runLink: '', modelId: '', description: '' }
  const text = { key: 'mlflow.prompt.text', value: 'Hello' }
  await registry.createVersion({ ...of, tags: [...tags, text] }, signal)
  const version = { ...of, name: 'churn', source: `models:/${model.id}`, modelId: model.id, tags: [] }
  await registry.createModel({ name: 'churn', description: '', tags: [] }, signal)
  await registry.createVersion(version, signal)
}

async function parts(history: OneHistory): Promise<{ readonly run: TrackedRun; readonly model: LoggedModel }> {
  const experiment = await history.tracking.experimentByName('churn', signal)
  const ids = [experiment?.id ?? '']
  const [found] = await Array.fromAsync(history.tracking.runs(ids, signal))
  const [model] = await Array.fromAsync((await history.models.list(ids, signal)) ?? [])
  if (found === undefined || model === undefined) throw new Error('nothing was carried')
  return { run: found, model }
}

it('finds nothing to tell of a history that was carried', async () => {
  await fill(two().source)
  const both = copying(two())
  expect(await copyHistory(both, signal)).toMatchObject({ troubles: [] })
  expect(await verifyHistory(both, signal)).toEqual({
    runs: 1,
    points: 1,
    files: 2,
    loggedModels: 1,
    versions: 2,
    traces: 1,
    evaluationDatasets: 0,
    differences: [],
    troubles: [],
  })
})

/** What somebody does to the target, and what must be named then. */
const TAMPERING: Readonly<Record<string, readonly [(target: OneHistory) => Promise<unknown>, string, string]>> = {
  'a tag of a logged model': [
    async (target) => target.models.setTags((await parts(target)).model.id, [{ key: 'a', value: 'other' }], signal),
    'logged model',
    'tags.a',
  ],
  'a tag of a logged model that is one too many': [
    async (target) => target.models.setTags((await parts(target)).model.id, [{ key: 'b', value: '' }], signal),
    'logged model',
    'tags.b',
  ],
  'the status of a logged model': [
    async (target) => target.models.finish((await parts(target)).model.id, 'LOGGED_MODEL_UPLOAD_FAILED', signal),
    'logged model',
    'status',
  ],
  'a file of a logged model': [
    async (target) => writeText(target, (await parts(target)).model.location, { 'weights.bin': 'another' }),
    'logged model',
    'file weights.bin',
  ],
  'a file of a logged model that is one too many': [
    async (target) => writeText(target, (await parts(target)).model.location, { 'more.bin': '' }),
    'logged model',
    'file more.bin',
  ],
  'a point about a logged model': [
    async (target) => {
      const { run, model } = await parts(target)
      const point = { key: 'accuracy', value: 1, timestamp: 1500, step: 5, about: { model_id: model.id } }
      await target.tracking.log(run.info.run_id, { metrics: [point] }, signal)
    },
    'logged model',
    'points',
  ],
  'a logged model that a run says it made': [
    async (target) => {
      const { run, model } = await parts(target)
      await target.models.link(run.info.run_id, { read: [], made: [{ modelId: model.id, step: 7 }] }, signal)
    },
    'run',
    'models',
  ],
  'a dataset of a run': [
    async (target) =>
      target.tracking.logInputs(
        (await parts(target)).run.info.run_id,
        [{ ...DATASET, dataset: { ...DATASET.dataset, digest: 'e' } }],
        signal,
      ),
    'run',
    'datasets',
  ],
  'a file of a run': [
    async (target) => writeText(target, rootOf((await parts(target)).run), { 'note.txt': 'another' }),
    'run',
    'file note.txt',
  ],
  'a span of a trace': [
    async (target) => {
      const { run } = await parts(target)
      const trace = { id: TRACE, experimentId: run.info.experiment_id, info: {} }
      await target.traces.putSpans(trace, [{ span_id: 'bW9yZQ==', name: 'more' }], signal)
    },
    'trace',
    'spans',
  ],
  'a tag of a trace': [(target) => target.traces.deleteTag(TRACE, 'who', signal), 'trace', 'tags.who'],
  'an assessment of a trace': [
    (target) => target.traces.deleteAssessment(TRACE, 'a-1', signal),
    'trace',
    'assessments',
  ],
  'the text of a prompt': [
    (target) =>
      target.registry.setVersionTag(
        { name: 'greeting', version: '1' },
        { key: 'mlflow.prompt.text', value: 'Good day' },
        signal,
      ),
    'version 1 of greeting',
    'tags.mlflow.prompt.text',
  ],
}

it.each(Object.entries(TAMPERING))('names %s that somebody changed, and nothing else', async (_, how) => {
  const [tamper, subject, field] = how
  const { source, target } = two()
  await fill(source)
  const both = copying(two())
  await copyHistory(both, signal)
  await tamper(target)
  const { differences } = await verifyHistory(both, signal)
  const told = differences.filter((one) => !one.field.startsWith('metric '))
  expect(told.map((one) => one.field)).toEqual([field])
  expect(told[0]?.subject).toContain(subject)
})

it('names a link of a trace to a run that the target does not have', async () => {
  const { source, target } = two()
  await fill(source)
  const both = copying(two())
  await copyHistory(both, signal)
  const { traces } = target
  Object.assign(target, { traces: { ...traces, linked: () => Promise.resolve([]) } })
  expect((await verifyHistory(copying(two()), signal)).differences).toMatchObject([
    { field: 'linked trace', source: TRACE, target: null },
  ])
})

it('counts the links of traces to runs that the target takes none of', async () => {
  const { source, target } = two()
  await fill(source)
  const { traces } = target
  Object.assign(target, { traces: { ...traces, link: () => Promise.resolve(false) } })
  const { troubles } = await copyHistory(copying(two()), signal)
  expect(troubles.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^1 links of traces to its runs are not carried/),
  ])
})

it('names what is not there at all', async () => {
  await fill(two().source)
  const { differences } = await verifyHistory(copying(two()), signal)
  const kinds = differences.map(({ subject }) => subject.split(' ')[0])
  expect(new Set(kinds)).toEqual(new Set(['experiment', 'run', 'logged', 'trace', 'registered', 'version']))
})

it('follows a tag of a logged model that is taken away at the source, and leaves what others added', async () => {
  const { source, target } = two()
  await fill(source)
  const both = copying(two())
  await copyHistory(both, signal)
  await target.models.setTags((await parts(target)).model.id, [{ key: 'own', value: '1' }], signal)
  await source.models.deleteTag((await parts(source)).model.id, 'a', signal)
  await copyHistory(both, signal)
  const { tags } = (await parts(target)).model
  expect(tags.filter(({ key }) => !key.startsWith('holdfast.'))).toEqual([{ key: 'own', value: '1' }])
})

it('takes a logged model back as the one that it is a copy of', async () => {
  const { source, target, items } = two()
  await fill(source)
  await copyHistory(copying(two()), signal)
  const back = copying({ ...two(), source: target, target: source })
  expect(await copyHistory(back, signal)).toMatchObject({ troubles: [] })
  expect(await items('logged-model', source)).toHaveLength(1)
  expect((await verifyHistory(back, signal)).differences).toEqual([])
})

it('takes versions of a registered model back as those that they are copies of, however often', async () => {
  const { source, target } = two()
  const { registry } = source
  await registry.createModel({ name: 'round', description: '', tags: [] }, signal)
  const of = { name: 'round', description: '', runId: '', runLink: '', modelId: '', source: 's3://b/m', tags: [] }
  for (const _ of [1, 2, 3]) await registry.createVersion(of, signal)
  await registry.deleteVersion({ name: 'round', version: '2' }, signal)
  const back = { ...two(), source: target, target: source }
  for (const way of [two(), back, two(), back]) {
    expect(await copyHistory(copying(way), signal)).toMatchObject({ troubles: [] })
  }
  for (const one of [source, target]) {
    expect((await one.registry.versions('round', signal)).map(({ version }) => version)).toEqual(['1', '3'])
  }
  await registry.setVersionTag({ name: 'round', version: '3' }, { key: 'a', value: 'b' }, signal)
  await copyHistory(copying(two()), signal)
  expect((await verifyHistory(copying(two()), signal)).differences).toEqual([])
})

it('carries a logged model whose run is gone, and names that run as before', async () => {
  const { source, target } = two()
  const run = await makeRun(source, 'first')
  await makeLogged(source, { ...run, info: { ...run.info, run_id: '0'.repeat(32) } }, 'orphan')
  const both = copying(two())
  expect(await copyHistory(both, signal)).toMatchObject({ troubles: [], tally: { loggedModels: 1 } })
  expect((await parts(target)).model.runId).toBe('0'.repeat(32))
  expect(await verifyHistory(both, signal)).toMatchObject({ loggedModels: 1, differences: [] })
})
