import { expect, it } from 'vitest'
import { Fault } from '../../core/errors.ts'
import type { JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { conforms } from '../conformance.ts'
import { schedules } from './index.ts'

const first = {
  properties: {
    displayName: 'Every night',
    isEnabled: true,
    tags: { team: 'crm' },
    trigger: {
      triggerType: 'Cron',
      expression: '0 3 * * *',
      timeZone: 'UTC',
      startTime: '2026-01-01T00:00:00',
    },
    action: {
      actionType: 'CreateJob',
      jobDefinition: {
        jobType: 'Command',
        command: 'python train.py',
        environmentId: '/<<hf:workspace>>/environments/train/versions/7',
        codeId: '/<<hf:workspace>>/codes/0f9c/versions/1',
        computeId: '/<<hf:workspace>>/computes/gpu',
        experimentName: 'nightly',
        inputs: {
          data: { jobInputType: 'uri_folder', uri: 'azureml:/<<hf:workspace>>/data/customers/versions/2026-11' },
          model: { jobInputType: 'custom_model', uri: 'azureml:churn:3' },
          raw: { jobInputType: 'uri_folder', uri: 'azureml://datastores/landing/paths/raw/' },
          curated: { jobInputType: 'mlflow_model', uri: 'azureml://registries/azureml/models/gpt2/versions/9' },
        },
      },
    },
  },
}

const { fresh, world } = conforms({
  service: schedules,
  address: 'schedule/nightly',
  absent: 'schedule/none',
  first,
  second: { properties: { ...first.properties, trigger: { ...first.properties.trigger, expression: '0 4 * * *' } } },
  more: [['schedule/paused', { properties: { ...first.properties, isEnabled: false } }]],
})

it('needs everything that its job names', async () => {
  const { service } = await fresh()
  expect(service.references(first)).toEqual([
    'code/0f9c/1',
    'compute/gpu',
    'data/customers/2026-11',
    'datastore/landing',
    'environment/train/7',
    'model/churn/3',
  ])
})

it('stands by disabled under every mode', async () => {
  const { service } = await fresh()
  for (const mode of ['hot/hot', 'hot/warm', 'hot/cold'] as const) {
    const parked = service.parked?.(first, mode) as typeof first & JsonObject
    expect(parked.properties.isEnabled).toBe(false)
  }
})

it('is fenced once: all that were enabled are disabled, told, and nothing else of them changes', async () => {
  const { service, source, target, signal } = await fresh()
  await service.converge(source, item('schedule/nightly', first), { source: target, signal })
  const paused = item('schedule/paused', { properties: { ...first.properties, isEnabled: false } })
  await service.converge(source, paused, { source: target, signal })
  expect(await service.fence?.(source, { signal })).toEqual(['schedule/nightly'])
  expect(await service.fence?.(source, { signal })).toEqual([])
  const fenced = await service.read(source, 'schedule/nightly', { signal })
  expect(fenced?.body).toEqual(service.parked?.(first, 'hot/warm'))
  expect(await world().writes(source)).toEqual([
    'PUT schedules/nightly',
    'PUT schedules/paused',
    'PUT schedules/nightly',
  ])
})

it('is fenced though another one cannot be disabled, which is told', async () => {
  const { source, target, signal } = await fresh()
  const { arm } = world()
  const service = schedules({
    ...arm,
    put: (path, body, options) =>
      path.endsWith('/schedules/a-broken')
        ? Promise.reject(new Fault('azure/refused', 'its environment is gone'))
        : arm.put(path, body, options),
  })
  for (const name of ['a-broken', 'nightly'])
    await schedules(arm).converge(source, item(`schedule/${name}`, first), { source: target, signal })
  await expect(service.fence?.(source, { signal })).rejects.toMatchObject({ code: 'azure/refused' })
  const fenced = await service.read(source, 'schedule/nightly', { signal })
  expect(fenced?.body).toEqual(service.parked?.(first, 'hot/warm'))
})
