import { describe, expect, it } from 'vitest'
import { resourceFilter, tagFilter } from './resource-lists.ts'

const vault = {
  type: 'Microsoft.KeyVault/vaults',
  name: "o'neil",
  location: 'eastus2',
  resourceGroup: 'east',
  tags: { Team: 'churn' },
}

describe('resourceFilter', () => {
  it.each([
    [null, true],
    ["resourceType eq 'microsoft.keyvault/VAULTS'", true],
    ["resourceType ne 'Microsoft.KeyVault/vaults'", false],
    ["name eq 'o''neil' and location eq 'eastus2'", true],
    ["tagName eq 'team' and tagValue eq 'churn'", true],
    ["tagName eq 'team' and tagValue eq 'other'", false],
  ])('answers %s with %s', (filter, expected) => {
    expect(resourceFilter(filter)(vault)).toBe(expected)
  })

  it('refuses what it does not understand rather than listing too much', () => {
    expect(() => resourceFilter("substringof('x', name)")).toThrow('is not understood')
    expect(() => resourceFilter("colour eq 'red'")).toThrow("'colour' is not known")
  })
})

it('filters groups by tag', () => {
  expect(tagFilter("tagName eq 'team'")({ tags: { team: 'x' } })).toBe(true)
  expect(tagFilter("tagName eq 'team'")({})).toBe(false)
})
