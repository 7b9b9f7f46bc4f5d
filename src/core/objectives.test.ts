import { expect, it } from 'vitest'
import { placement } from './objectives.ts'

it('lets no region protect itself, however it is written', () => {
  for (const same of ['eastus2', 'EastUS2', 'East US 2'])
    expect(placement('eastus2', same, 'any')).toMatchObject({ allowed: false, paired: false })
  expect(placement('eastus2', 'Central US', 'geography')).toMatchObject({ allowed: true, paired: true })
})
