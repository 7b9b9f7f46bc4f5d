import { expect, it } from 'vitest'
import { makeRun, twoHistories } from '../../../test/support/two-histories.ts'
import type { JsonObject } from '../../core/model.ts'
import type { Tracking } from '../../mlflow/tracking.ts'

const two = twoHistories()

it('tells as lost what a place has no room for, neither as it is nor kept apart: a tag too many', async () => {
  const { source, target, service, items, signal } = two()
  const run = await makeRun(source, 'first')
  const tags = ['a', 'b', 'c', 'd'].map((key) => ({ key, value: 'x' }))
  await source.tracking.log(run.info.run_id, { tags }, signal)
  const { tracking } = target
  const taken = new Set<string>()
  const roomFor = (key: string) => taken.has(key) || (taken.size < 2 && taken.add(key).has(key))
  const log: Tracking['log'] = (id, batch, until) =>
    tracking.log(id, { ...batch, tags: (batch.tags ?? []).filter(({ key }) => roomFor(key)) }, until)
  const createRun: Tracking['createRun'] = (body, until) => {
    const all = (body['tags'] ?? []) as readonly JsonObject[]
    const marks = all.filter(({ key }) => String(key).startsWith('holdfast.source'))
    return tracking.createRun({ ...body, tags: marks }, until)
  }
  Object.assign(target, { tracking: { ...tracking, log, createRun } })
  const [wanted = expect.fail()] = await items('run', source)
  const told: [string, boolean][] = []
  const remark = (text: string, isLost: boolean) => void told.push([text, isLost])
  await service('run').converge(target.place, wanted, { source: source.place, signal, as: 'target', remark })
  expect(told.filter(([, isLost]) => isLost)).toEqual([['the target keeps these in no form: tag c, tag d', true]])
})
