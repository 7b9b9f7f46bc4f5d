import { describe, expect, it } from 'vitest'
import { destinationOf, type Places } from './hosts.ts'

const places: Places = {
  regions: new Set(['eastus2', 'centralus']),
  owner: (kind, name) => (kind === 'storage' && name === 'lake' ? 'centralus' : undefined),
}

describe('destinationOf', () => {
  it.each([
    ['eastus2.api.azureml.ms', 'eastus2'],
    ['cert-eastus2.experiments.azureml.net', 'eastus2'],
    ['fraud.centralus.inference.ml.azure.com', 'centralus'],
    ['ml-churn-eastus2-0a1b.eastus2.notebooks.azure.net', 'eastus2'],
    ['lake.blob.core.windows.net', 'centralus'],
    ['lake.dfs.core.windows.net', 'centralus'],
  ])('finds the region of %s', (host, region) => {
    expect(destinationOf(host, places)).toEqual({ to: 'region', region })
  })

  it('knows a name that could be a resource’s and is nobody’s', () => {
    expect(destinationOf('none.blob.core.windows.net', places)).toEqual({ to: 'nobody' })
    expect(destinationOf('lake.vault.azure.net', places)).toEqual({ to: 'nobody' })
  })

  it('leads to whoever knows where a registry is, at the host that azure-ai-ml asks', () => {
    expect(destinationOf('eastus.api.azureml.ms', places)).toEqual({ to: 'arm' })
  })

  it.each([
    'westus.api.azureml.ms',
    'example.com',
    'a.lake.blob.core.windows.net',
    'blob.core.windows.net.evil.com',
    '',
  ])('does not play %s', (host) => {
    expect(destinationOf(host, places)).toBeUndefined()
  })

  it('tells sign-in, ARM and telemetry apart', () => {
    expect(destinationOf('login.microsoftonline.com', places)).toEqual({ to: 'signin' })
    expect(destinationOf('management.azure.com', places)).toEqual({ to: 'arm' })
    expect(destinationOf('westus2-0.in.applicationinsights.azure.com', places)).toEqual({ to: 'telemetry' })
  })
})
