import { expect, it } from 'vitest'
import { makeRun, twoHistories } from '../../../test/support/two-histories.ts'

const two = twoHistories()

it('leaves alone a run that somebody ended in the standby since both sides were read, until the next reading', async () => {
  const { source, target, signal, service, items, carry } = two()
  const run = await makeRun(source, 'open')
  await source.tracking.updateRun(run.info.run_id, { status: 'RUNNING' }, signal)
  await carry()
  await source.tracking.log(run.info.run_id, { tags: [{ key: 'more', value: 'yes' }] }, signal)
  const [wanted = expect.fail()] = await items('run', source)
  const replica = async () => {
    const { id = '' } = (await target.tracking.experimentByName('churn', signal)) ?? {}
    const [there = expect.fail()] = await Array.fromAsync(target.tracking.runs([id], signal))
    return there.info
  }
  const carrying = () => service('run').converge(target.place, wanted, { source: source.place, signal, as: 'target' })
  await items('run', target)
  await target.tracking.updateRun((await replica()).run_id, { status: 'FINISHED', end_time: 5 }, signal)
  await expect(carrying()).rejects.toMatchObject({ code: 'azure/changed' })
  expect((await replica()).status).toBe('FINISHED')
  await items('run', target)
  await carrying()
  expect((await replica()).status).toBe('RUNNING')
})
