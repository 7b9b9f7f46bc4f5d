import { expect, it } from 'vitest'
import { makeRun, twoHistories } from '../../test/support/two-histories.ts'

const two = twoHistories()

it('name an original by its own id where they are taken back, though the standby named it so and has another', async () => {
  const { source, target, signal, carry } = two()
  const parent = (await makeRun(source, 'parent')).info.run_id
  await carry()
  const there = target.census.byShared(parent)
  expect(there?.id).not.toBe(parent)
  const child = await target.tracking.createRun(
    { experiment_id: there?.experimentId ?? '', run_name: 'child', start_time: 1, user_id: 'ada' },
    signal,
  )
  await target.tracking.log(child.info.run_id, { tags: [{ key: 'mlflow.parentRunId', value: parent }] }, signal)
  await target.registry.createModel({ name: 'churn', description: '', tags: [] }, signal)
  const version = { name: 'churn', runId: parent, runLink: '', modelId: '', description: '', tags: [] }
  await target.registry.createVersion({ ...version, source: `runs:/${parent}/model` }, signal)
  await carry(target, source)
  const taken = await source.tracking.run(source.census.byShared(child.info.run_id)?.id ?? '', signal)
  expect(taken?.tags.find(({ key }) => key === 'mlflow.parentRunId')?.value).toBe(parent)
  const [replica] = await source.registry.versions('churn', signal)
  expect(replica).toMatchObject({ source: `runs:/${parent}/model`, runId: parent })
})
