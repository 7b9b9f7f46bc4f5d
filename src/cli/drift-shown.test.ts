import { expect, it } from 'vitest'
import type { Drift } from '../engine/drift.ts'
import { withoutSecrets } from './drift-shown.ts'

it('guards I6: shows where the sides differ, and no value of an environment variable or of what is called a secret', () => {
  const drift: Drift = {
    address: 'schedule/nightly',
    is: 'different',
    next: 'update',
    fields: [
      { path: 'properties.action.jobDefinition.environmentVariables.OPENAI', one: 'sk-1', other: 'sk-2' },
      { path: 'properties.spec.environment_variables', one: { HF: 'hf-1' } },
      { path: 'properties.spec.steps[1]', one: { environmentVariables: { HF: 'hf-1' }, image: 'a' } },
      { path: 'properties.tags.password', one: 'p-1', other: 'p-2' },
      { path: 'properties.dataUri', one: 'https://a.blob.core.windows.net/c?sv=1&sig=abc', other: 'b' },
      { path: 'properties.tags.stage', one: 'live', other: 'old' },
    ],
  }
  expect(withoutSecrets(drift)).toEqual({
    ...drift,
    fields: [
      { path: 'properties.action.jobDefinition.environmentVariables.OPENAI', one: '***', other: '***' },
      { path: 'properties.spec.environment_variables', one: '***' },
      { path: 'properties.spec.steps[1]', one: { environmentVariables: '***', image: 'a' } },
      { path: 'properties.tags.password', one: '***', other: '***' },
      { path: 'properties.dataUri', one: 'https://a.blob.core.windows.net/c?sv=1&sig=***', other: 'b' },
      { path: 'properties.tags.stage', one: 'live', other: 'old' },
    ],
  })
  expect(withoutSecrets({ address: 'model/a', is: 'extra', next: 'nothing' })).toEqual({
    address: 'model/a',
    is: 'extra',
    next: 'nothing',
  })
})
