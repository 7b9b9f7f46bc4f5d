import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import { twoHistories } from '../../../test/support/two-histories.ts'
import type { JsonObject } from '../../core/model.ts'
import { copyHistory } from './copy.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(30_000)
const SINCE = Date.parse('2026-02-01T00:00:00Z')
const ROOT = { span_id: 'cm9vdA==', name: 'root' }
const LAST = { span_id: 'bGFzdA==', name: 'last' }

/** Two histories, and a trace of the source that began before {@link SINCE}. */
async function traced() {
  const { source, target } = two()
  const experimentId = await source.tracking.createExperiment('churn', [], signal)
  const both = copying(two())
  const recent = { ...both, filter: { ...both.filter, since: SINCE } }
  const write = async (id: string, about: JsonObject, ...spans: readonly JsonObject[]) => {
    const info = { trace_id: id, request_time: '2026-01-31T12:00:00Z', trace_metadata: {}, ...about }
    await source.traces.put({ id, experimentId, info }, signal)
    if (spans.length > 0) await source.traces.putSpans({ id, experimentId, info }, spans, signal)
  }
  const there = async (id: string) => {
    const found = await target.traces.trace(id, signal)
    const spans = found === undefined ? [] : await target.traces.spans(id, signal)
    return { ...found?.info, spans: spans.map(({ name }) => name) }
  }
  return { both, recent, write, there }
}

it('end in a copy of what is recent, however long ago they began', async () => {
  const { both, recent, write, there } = await traced()
  await write('tr-1', { state: 'IN_PROGRESS' }, ROOT)
  expect(await copyHistory(both, signal)).toMatchObject({ troubles: [], tally: { traces: 1 } })
  await write('tr-1', { state: 'IN_PROGRESS' }, LAST)
  await copyHistory(recent, signal)
  expect(await there('tr-1')).toMatchObject({ state: 'IN_PROGRESS', spans: ['root', 'last'] })
  await write('tr-1', { state: 'OK' })
  await copyHistory(recent, signal)
  expect(await there('tr-1')).toMatchObject({ state: 'OK' })
})

it('get what is said of them later in a copy of what is recent, and others of their time are left alone', async () => {
  const { both, recent, write, there } = await traced()
  await write('tr-1', { state: 'OK' }, ROOT)
  await copyHistory(both, signal)
  await write('tr-0', { state: 'OK' }, ROOT)
  const assessments = [{ assessment_id: 'a-1', feedback: { value: true } }]
  await write('tr-1', { state: 'OK', assessments })
  expect(await copyHistory(recent, signal)).toMatchObject({ troubles: [], tally: { traces: 1 } })
  expect(await there('tr-1')).toMatchObject({ assessments })
  expect(await there('tr-0')).toEqual({ spans: [] })
  expect(await copyHistory(recent, signal)).toMatchObject({ tally: { traces: 0 } })
})

it('are no loss where they are open and have no span so far', async () => {
  const { both, write, there } = await traced()
  await write('tr-1', { state: 'IN_PROGRESS' })
  expect(await copyHistory(both, signal)).toMatchObject({ troubles: [] })
  await write('tr-1', { state: 'OK' })
  expect(await copyHistory(both, signal)).toMatchObject({ troubles: [{ subject: 'trace tr-1', code: 'sync/loss' }] })
  expect(await there('tr-1')).toMatchObject({ state: 'OK' })
})
