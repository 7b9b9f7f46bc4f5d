import { expect, it } from 'vitest'
import type { JsonObject } from '../../core/model.ts'
import { conforms } from '../conformance.ts'
import { components } from './index.ts'

const first = {
  properties: {
    componentSpec: {
      $schema: 'https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json',
      name: 'train_step',
      version: '2',
      type: 'command',
      inputs: { data: { type: 'uri_folder' } },
      command: 'python train.py --data in',
      code: 'azureml:/<<hf:workspace>>/codes/0f9c/versions/1',
      environment: 'azureml:/<<hf:workspace>>/environments/train/versions/7',
      is_deterministic: true,
    },
    tags: { team: 'crm' },
    isAnonymous: false,
    isArchived: false,
  },
}

const { fresh } = conforms({
  service: components,
  address: 'component/train_step/2',
  absent: 'component/train_step/3',
  first,
  second: { properties: { ...first.properties, description: 'One step' } },
  more: [['component/train_step/1', first]],
})

it('needs the code and the environment that it names, and no more', async () => {
  const { service } = await fresh()
  expect(service.references(first)).toEqual(['code/0f9c/1', 'environment/train/7'])
})

it('follows an environment that was mapped to another version', async () => {
  const { service } = await fresh()
  const renames = new Map([['environment/train/7', 'environment/train/7-0a1b2c3d']] as const)
  const renamed = service.renamed?.(first, renames) as typeof first & JsonObject
  expect(renamed.properties.componentSpec.environment).toBe(
    'azureml:/<<hf:workspace>>/environments/train/versions/7-0a1b2c3d',
  )
  expect(service.references(renamed)).toEqual(['code/0f9c/1', 'environment/train/7-0a1b2c3d'])
})
