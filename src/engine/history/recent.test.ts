import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import { makeRun, twoHistories } from '../../../test/support/two-histories.ts'
import { copyHistory } from './copy.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(30_000)
const SINCE = Date.parse('2026-02-01T00:00:00Z')

it('are runs that were open when they were carried, whenever they say that they ended, with links of traces to them', async () => {
  const { source, target } = two()
  const { run_id: id, experiment_id: experimentId } = (await makeRun(source, 'first')).info
  await source.tracking.updateRun(id, { status: 'RUNNING' }, signal)
  const trace = { id: 'tr-1', experimentId, info: { trace_id: 'tr-1', state: 'OK', trace_metadata: {} } }
  await source.traces.put(trace, signal)
  await source.traces.putSpans(trace, [{ span_id: 'cm9vdA==', name: 'root' }], signal)
  const both = copying(two())
  expect(await copyHistory(both, signal)).toMatchObject({ troubles: [], tally: { runs: 1 } })
  await source.tracking.updateRun(id, { status: 'FINISHED', end_time: 2000 }, signal)
  await source.traces.link(id, ['tr-1'], signal)
  const recent = { ...both, filter: { ...both.filter, since: SINCE } }
  expect(await copyHistory(recent, signal)).toMatchObject({ troubles: [], tally: { runs: 1 } })
  const there = (await target.tracking.experimentByName('churn', signal))?.id ?? ''
  const [run] = await Array.fromAsync(target.tracking.runs([there], signal))
  expect(run?.info).toMatchObject({ status: 'FINISHED', end_time: 2000 })
  expect(await target.traces.linked(run?.info.run_id ?? '', [there], signal)).toMatchObject([{ id: 'tr-1' }])
  expect(await copyHistory(recent, signal)).toMatchObject({ troubles: [], tally: { runs: 0, unchanged: 0 } })
})
