import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import {
  makeLogged,
  makeRun,
  type OneHistory,
  rootOf,
  servicesBetween,
  twoHistories,
  writeText,
} from '../../../test/support/two-histories.ts'
import { Fault } from '../../core/errors.ts'
import { copyHistory } from './copy.ts'
import type { HistoryParts } from './parts.ts'
import { verifyHistory } from './verify.ts'

const two = twoHistories()
const more = twoHistories()
const signal = AbortSignal.timeout(60_000)
const WHOLE = { runs: 2, points: 1, files: 2, traces: 1, evaluationDatasets: 1, differences: [] }

/** A run with a point, a file and a model, a trace of it that is linked to another, and a dataset. */
async function fill(history: OneHistory): Promise<void> {
  const [of, beside] = [await makeRun(history, 'of'), await makeRun(history, 'beside')]
  await history.tracking.log(of.info.run_id, { metrics: [{ key: 'loss', value: 1, timestamp: 1500, step: 1 }] }, signal)
  await writeText(history, rootOf(of), { 'note.txt': 'as it is' })
  await writeText(history, (await makeLogged(history, of, 'lm')).location, { 'weights.bin': 'as it is' })
  const about = { request_time: '2026-01-31T12:00:00Z', trace_metadata: { 'mlflow.sourceRun': of.info.run_id } }
  const trace = { id: 'tr-1', experimentId: of.info.experiment_id, info: { trace_id: 'tr-1', state: 'OK', ...about } }
  await history.traces.put(trace, signal)
  await history.traces.putSpans(trace, [{ span_id: 'c3Bhbg==', name: 'root' }], signal)
  await history.traces.link(beside.info.run_id, ['tr-1'], signal)
  const dataset = { name: 'questions', tags: {}, experimentIds: [of.info.experiment_id] }
  const { id } = await history.evaluations.create(dataset, signal)
  await history.evaluations.put(
    id,
    [{ inputs: 'q1', outputs: null, expectations: null, tags: null, source: null }],
    signal,
  )
}

/** The same copy to a target that is new, with what was noted of the one before. */
function rebuilt(both: HistoryParts): HistoryParts {
  const { source } = two()
  const { target } = more()
  const services = servicesBetween(source, target)
  const service = (kind: string) => services.find((one) => one.kind === kind) ?? two().service(kind)
  return { ...copying({ ...two(), target, service }), ledger: both.ledger }
}

it('gets everything again, links of traces too, whatever was noted of the one before', async () => {
  await fill(two().source)
  const both = copying(two())
  expect(await copyHistory(both, signal)).toMatchObject({ troubles: [] })
  expect(await copyHistory(rebuilt(both), signal)).toMatchObject({ troubles: [] })
  expect(await verifyHistory(rebuilt(both), signal)).toMatchObject(WHOLE)
})

/** What the target refuses once, between the making of a replica and its end. */
const REFUSED = {
  'the points of a run': ['tracking', 'log'],
  'the files of a run': ['artifacts', 'write'],
  'the status of a logged model': ['models', 'finish'],
  'the spans of a trace': ['traces', 'putSpans'],
  'the records of a dataset': ['evaluations', 'put'],
} as const

it.each(Object.entries(REFUSED))('gets with the next copy what the first broke off before: %s', async (_, [of, at]) => {
  await fill(two().source)
  const both = copying(two())
  expect(await copyHistory(both, signal)).toMatchObject({ troubles: [] })
  const whole = more().target[of]
  const refuse = () => Promise.reject(new Fault('azure/refused', 'not now', { hint: 'Run it again.' }))
  Object.assign(more().target, { [of]: { ...whole, [at]: refuse } })
  expect((await copyHistory(rebuilt(both), signal)).troubles).not.toEqual([])
  Object.assign(more().target, { [of]: whole })
  expect(await copyHistory(rebuilt(both), signal)).toMatchObject({ troubles: [] })
  expect(await verifyHistory(rebuilt(both), signal)).toMatchObject(WHOLE)
})
