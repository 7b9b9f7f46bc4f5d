import { expect, it } from 'vitest'
import { copying } from '../../../test/support/copied-history.ts'
import { makeLogged, makeRun, type OneHistory, twoHistories } from '../../../test/support/two-histories.ts'
import type { TrackedRun } from '../../mlflow/tracking.ts'
import { copyHistory } from './copy.ts'
import { verifyHistory } from './verify.ts'

const two = twoHistories()
const signal = AbortSignal.timeout(30_000)
const GONE = [`m-${'0'.repeat(32)}`, `m-${'1'.repeat(32)}`] as const

async function runNamed({ tracking }: OneHistory, name: string): Promise<TrackedRun> {
  const experiment = await tracking.experimentByName('churn', signal)
  for await (const run of tracking.runs([experiment?.id ?? ''], signal)) {
    if (run.info['run_name'] === name) return (await tracking.run(run.info.run_id, signal)) ?? run
  }
  throw new Error(`no run ${name}`)
}

it('name a logged model that is gone at the source as the source does, which is no loss', async () => {
  const { source, target } = two()
  const run = await makeRun(source, 'first')
  const { id } = await makeLogged(source, run, 'lm')
  const read = [id, GONE[0]].map((modelId) => ({ modelId, step: 0 }))
  await source.models.link(run.info.run_id, { read, made: [{ modelId: GONE[1], step: 3 }] }, signal)
  const both = copying(two())
  expect(await copyHistory(both, signal)).toMatchObject({ troubles: [], remarks: [] })
  expect(await verifyHistory(both, signal)).toMatchObject({ differences: [], troubles: [] })
  const { inputs, outputs } = await runNamed(target, 'first')
  expect(JSON.stringify(inputs)).toContain(GONE[0])
  expect(JSON.stringify(outputs)).toContain(GONE[1])
  expect(await copyHistory(both, signal)).toMatchObject({ troubles: [], tally: { runs: 0, unchanged: 1 } })
})

it('of a run to its parent are made at once where that is there: nothing is read again for them', async () => {
  const { source, target } = two()
  const parent = await makeRun(source, 'parent')
  const both = copying(two())
  await copyHistory(both, signal)
  const child = await makeRun(source, 'child')
  const tags = [{ key: 'mlflow.parentRunId', value: parent.info.run_id }]
  await source.tracking.log(
    child.info.run_id,
    { tags, metrics: [{ key: 'a', value: 1, timestamp: 1, step: 0 }] },
    signal,
  )
  const { history } = target.tracking
  const asked: string[] = []
  const counting: typeof history = (id, key, until) => {
    asked.push(key)
    return history(id, key, until)
  }
  Object.assign(target, { tracking: { ...target.tracking, history: counting } })
  expect(await copyHistory(both, signal)).toMatchObject({ troubles: [], tally: { runs: 1 } })
  expect(asked).toEqual([])
  const linked = (await runNamed(target, 'child')).tags.find(({ key }) => key === 'mlflow.parentRunId')
  expect(linked?.value).toBe((await runNamed(target, 'parent')).info.run_id)
})

it('of a run whose files are out of reach are made all the same', async () => {
  const { source, target } = two()
  const run = await makeRun(source, 'first')
  const { id } = await makeLogged(source, run, 'lm')
  await source.models.link(run.info.run_id, { read: [{ modelId: id, step: 0 }], made: [] }, signal)
  Object.assign(source, { artifacts: { ...source.artifacts, reaches: () => false } })
  const both = copying(two())
  for (const _ of ['first', 'again']) {
    const { troubles } = await copyHistory(both, signal)
    expect(troubles.map(({ subject }) => subject.split(' ')[0])).toEqual(['run', 'logged'])
  }
  const { inputs, info } = await runNamed(target, 'first')
  const [replica] = await Array.fromAsync((await target.models.list([info.experiment_id], signal)) ?? [])
  expect(inputs).toMatchObject({ model_inputs: [{ model_id: replica?.id }] })
})
