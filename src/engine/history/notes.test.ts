import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import { makeLogged, makeRun, type OneHistory, twoHistories } from '../../../test/support/two-histories.ts'
import type { JsonObject } from '../../core/model.ts'
import { copyHistory } from './copy.ts'
import { noteKey, savingNothing } from './notes.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(60_000)
const NAME = 'churn'
const ONE = { name: NAME, version: '1' }

/** Fills a history with one of each thing that has labels. Returns what takes all of these away again. */
async function filled(history: OneHistory) {
  const { registry, models, traces, evaluations } = history
  const run = await makeRun(history, 'first')
  const { experiment_id: experimentId } = run.info
  const logged = await makeLogged(history, run, 'lm')
  const tag = { key: 'team', value: 'crm' }
  await registry.createModel({ name: NAME, description: '', tags: [tag] }, signal)
  const about = { source: 'runs:/none/model', runId: '', runLink: '', modelId: '', description: '' }
  await registry.createVersion({ name: NAME, ...about, tags: [tag] }, signal)
  await registry.setAlias(NAME, { key: 'champion', value: '1' }, signal)
  const assessments = [{ assessment_id: 'a-1', feedback: { value: true } }]
  const info = { trace_id: 'tr-1', state: 'OK', tags: { team: 'crm' }, trace_metadata: {}, assessments }
  await traces.put({ id: 'tr-1', experimentId, info }, signal)
  await traces.putSpans({ id: 'tr-1', experimentId, info }, [{ span_id: 'c3Bhbg==', name: 'root' }], signal)
  const dataset = { name: 'questions', tags: { team: 'crm' }, experimentIds: [experimentId] }
  const { id } = await evaluations.create(dataset, signal)
  const record = { inputs: 'q1', outputs: null, expectations: null, tags: null, source: null }
  await evaluations.put(id, [record], signal)
  return async () => {
    await registry.deleteModelTag(NAME, 'team', signal)
    await registry.deleteVersionTag(ONE, 'team', signal)
    await registry.deleteAlias(NAME, 'champion', signal)
    await models.deleteTag(logged.id, 'a', signal)
    await traces.deleteTag('tr-1', 'team', signal)
    await traces.deleteAssessment('tr-1', 'a-1', signal)
    await evaluations.deleteTag(id, 'team', signal)
    const records = await Array.fromAsync(evaluations.records(id, signal))
    await evaluations.removeRecords(
      id,
      records.map((kept) => kept.id),
      signal,
    )
  }
}

/** What of all that is there. */
async function labels({ tracking, registry, models, traces, evaluations }: OneHistory) {
  const { id: experimentId = '' } = (await tracking.experimentByName('churn', signal)) ?? {}
  const [model, [version]] = [await registry.model(NAME, signal), await registry.versions(NAME, signal)]
  const [logged] = await Array.fromAsync((await models.list([experimentId], signal)) ?? [])
  const info = (await traces.trace('tr-1', signal))?.info as JsonObject
  const [dataset] = (await evaluations.list([], signal)) ?? []
  const records = await Array.fromAsync(evaluations.records(dataset?.id ?? '', signal))
  const own = (keys: readonly string[]) => keys.filter((key) => !key.startsWith('holdfast.'))
  return {
    aliases: model?.aliases,
    tags: own([model, version, logged].flatMap((one) => one?.tags.map(({ key }) => key) ?? [])),
    traced: [Object.keys(info['tags'] as JsonObject), info['assessments']],
    dataset: [own(Object.keys(dataset?.tags ?? {})), records.length],
  }
}

it('still say what was carried to a pass that looks at everything, so that what is gone at the source goes', async () => {
  const { source, target } = two()
  const takeAway = await filled(source)
  const both = copying(two())
  const rechecking = { ...both, ledger: savingNothing(both.ledger) }
  expect(await copyHistory(both, signal)).toMatchObject({ troubles: [] })
  expect(await labels(target)).toEqual(await labels(source))
  await takeAway()
  expect(await copyHistory(rechecking, signal)).toMatchObject({ troubles: [] })
  const nothing = { aliases: [], tags: [], traced: [[], []], dataset: [[], 0] }
  expect(await labels(source)).toEqual(nothing)
  expect(await labels(target)).toEqual(nothing)
})

it('let a pass that looks at everything skip nothing, and know a renamed experiment again', () => {
  const { ledger } = copying(two())
  const recheck = savingNothing(ledger)
  for (const kind of ['run', 'file', 'logged', 'trace-links'] as const) {
    ledger.put(noteKey(kind, '1'), 'the same')
    expect(recheck.get(noteKey(kind, '1'))).toBeUndefined()
  }
  ledger.put(noteKey('trace', '1'), JSON.stringify({ digest: 'd', tags: ['team'] }))
  expect(recheck.get(noteKey('trace', '1'))).toBe(JSON.stringify({ tags: ['team'] }))
  ledger.put(noteKey('experiment', '1'), '7')
  expect(recheck.get(noteKey('experiment', '1'))).toBe('7')
})
