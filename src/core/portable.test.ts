import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyJsonObject } from '../../test/support/arbitrary.ts'
import type { Json } from './model.ts'
import { armId, type PlaceNames } from './place-names.ts'
import { translation } from './portable.ts'

const SUB = '0b6f6a3c-1111-4222-8333-94c0ffee0001'

const east: PlaceNames = {
  workspace: `/subscriptions/${SUB}/resourceGroups/churn-eus2/providers/Microsoft.MachineLearningServices/workspaces/churn`,
  workspaceGuid: 'aaaaaaaa-0000-4000-8000-00000000000a',
  location: 'eastus2',
  storageAccount: `/subscriptions/${SUB}/resourceGroups/churn-eus2/providers/Microsoft.Storage/storageAccounts/churnaeast`,
  keyVault: `/subscriptions/${SUB}/resourceGroups/shared/providers/Microsoft.KeyVault/vaults/churn-kv`,
  containerRegistry: `/subscriptions/${SUB}/resourceGroups/churn-eus2/providers/Microsoft.ContainerRegistry/registries/churnimages`,
  applicationInsights: `/subscriptions/${SUB}/resourceGroups/churn-eus2/providers/Microsoft.Insights/components/churn-ai`,
}

const central: PlaceNames = {
  workspace: `/subscriptions/${SUB}/resourceGroups/churn-cus/providers/Microsoft.MachineLearningServices/workspaces/churn-dr`,
  workspaceGuid: 'bbbbbbbb-0000-4000-8000-00000000000b',
  location: 'centralus',
  storageAccount: `/subscriptions/${SUB}/resourceGroups/dr.store/providers/Microsoft.Storage/storageAccounts/churnbcentral`,
  keyVault: `/subscriptions/${SUB}/resourceGroups/shared/providers/Microsoft.KeyVault/vaults/churn-kv`,
  containerRegistry: `/subscriptions/${SUB}/resourceGroups/churn-cus/providers/Microsoft.ContainerRegistry/registries/churnimagesdr`,
  applicationInsights: `/subscriptions/${SUB}/resourceGroups/churn-cus/providers/Microsoft.Insights/components/churn-dr-ai`,
  mappings: { compute: { 'gpu-cluster': 'gpu-cus', cpu: 'cpu-b' } },
}

const atEast = translation(east)
const atCentral = translation(central)

function nameOf(id: string): string {
  return armId(id)?.name ?? ''
}

/** How the services, the SDK and people write the same thing for a place. */
const FORMS: readonly ((at: PlaceNames) => string)[] = [
  (at) => at.workspace,
  (at) => `${at.workspace}/models/churn/versions/3`,
  (at) => `azureml:${at.workspace}/environments/sklearn/versions/1`,
  (at) => `${at.workspace}/computes/${at.mappings?.['compute']?.['gpu-cluster'] ?? 'gpu-cluster'}`,
  (at) => `azureml://${shortPath(at)}/datastores/workspaceblobstore/paths/LocalUpload/1/model`,
  (at) => `https://ml.azure.com/runs/r1?wsid=/${shortPath(at)}&tid=1`,
  (at) => `https://ml.azure.com/runs/r1?wsid=%2F${shortPath(at).replaceAll('/', '%2F')}&tid=1`,
  (at) => `azureml://${at.location}.api.azureml.ms/mlflow/v1.0${at.workspace}?x=1`,
  (at) => `https://${at.location}.api.azureml.ms/discovery`,
  (at) => `https://cert-${at.location}.experiments.azureml.net/mferp`,
  (at) => `https://score.${at.location}.inference.ml.azure.com/score`,
  (at) => `https://${nameOf(at.storageAccount)}.blob.core.windows.net/azureml-blobstore-${at.workspaceGuid}/a/b.csv`,
  (at) => `wasbs://azureml-blobstore-${at.workspaceGuid}@${nameOf(at.storageAccount)}.blob.core.windows.net/x`,
  (at) => `abfss://fs@${nameOf(at.storageAccount)}.dfs.core.windows.net/x`,
  (at) => at.storageAccount,
  (at) => at.keyVault ?? '',
  (at) => at.applicationInsights ?? '',
  (at) => `https://${nameOf(at.keyVault ?? '')}.vault.azure.net/secrets/s`,
  (at) => `${nameOf(at.containerRegistry ?? '')}.azurecr.io/team/image@sha256:00`,
  (at) => `scope=/subscriptions/${SUB}/resourceGroups/${armId(at.workspace)?.group}`,
  (at) => `code-${at.workspaceGuid}`,
  (at) => `azureml://locations/${at.location}/workspaces/${at.workspaceGuid}/models/churn/versions/3`,
]

/** What belongs to neither side. */
const OTHERS = [
  'azureml://registries/azureml/models/bert/versions/4',
  'azureml://registries/churn/environments/x/labels/latest',
  `/subscriptions/${SUB}/resourceGroups/churn-eus2/providers/Microsoft.MachineLearningServices/workspaces/churn-old/models/a/versions/1`,
  `/subscriptions/${SUB}/resourceGroups/churn-eus2/providers/Microsoft.Network/virtualNetworks/vnet`,
  `/subscriptions/${SUB}/resourceGroups/churn-eus2-shared`,
  `azureml://subscriptions/${SUB}/resourcegroups/else/workspaces/churn/datastores/d/paths/x`,
  `azureml://eastus2.api.azureml.ms/mlflow/v1.0/subscriptions/${SUB}/resourceGroups/churn-eus2/providers/Microsoft.MachineLearningServices/workspaces/other`,
  'https://lake.blob.core.windows.net/churn/x',
  'https://notchurnaeast.blob.core.windows.net/',
  'the churn model runs in eastus2',
  'azureml:churn:3',
  'azureml://locations/eastus2/workspaces/cccccccc-0000-4000-8000-00000000000c/models/churn/versions/3',
  'azureml://datastores/workspaceblobstore/paths/x',
  '<<hf',
  '<<hf:workspace>>',
  '<<hf!',
  '<<HF!:guid>>/computes/gpu-cluster',
  '{{inputs.data}}',
  '<',
]

const separator = fc.constantFrom(' ', '\n', '"', ', ', '<', '\t- ', "'")
const form = fc.constantFrom(...FORMS)
const other = fc.constantFrom(...OTHERS)
const piece = fc.oneof(
  form,
  other.map((text) => () => text),
  fc.string().map((text) => () => text),
)
const anyText = fc.array(fc.tuple(piece, separator), { maxLength: 8 })

function written(pieces: readonly (readonly [(at: PlaceNames) => string, string])[], at: PlaceNames): string {
  return pieces.map(([text, end]) => text(at) + end).join('')
}

describe('portable and local', () => {
  it('give back what they were given, at the same place', () => {
    fc.assert(
      fc.property(anyText, anyJsonObject, (pieces, rest) => {
        for (const [at, names] of [
          [atEast, east],
          [atCentral, central],
        ] as const) {
          const value = { text: written(pieces, names), rest }
          expect(at.local(at.portable(value))).toEqual(value)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('turn what one side says of itself into what the other would say, and leave all else', () => {
    fc.assert(
      fc.property(anyText, (pieces) => {
        const there = atCentral.local(atEast.portable(written(pieces, east)))
        expect(there).toBe(written(pieces, central))
      }),
      { numRuns: 500 },
    )
  })

  it('are equal on both sides for what came from one of them', () => {
    fc.assert(
      fc.property(anyText, (pieces) => {
        const portable = atEast.portable(written(pieces, east))
        expect(atCentral.portable(atCentral.local(portable))).toBe(portable)
      }),
      { numRuns: 500 },
    )
  })

  it('leave nothing of the place in what is portable', () => {
    for (const text of FORMS.map((one) => one(east))) {
      const portable = atEast.portable(text)
      for (const trace of ['churn-eus2', 'workspaces/churn', 'eastus2', 'churnaeast', 'aaaaaaaa-0000', 'churnimages']) {
        expect(portable, text).not.toContain(trace)
      }
    }
  })

  it('carry what one side says about the other as such, where both are known', () => {
    const [here, there] = [translation(east, central), translation(central, east)]
    const value = { own: east.workspace, peer: central.workspace, accountName: 'churnbcentral', location: 'centralus' }
    const portable = here.portable(value)
    const copy = there.local(portable)
    expect(copy).toEqual({
      own: central.workspace,
      peer: east.workspace,
      accountName: 'churnaeast',
      location: 'eastus2',
    })
    expect(there.portable(copy)).toEqual(portable)
    expect(here.local(portable)).toEqual(value)
  })
})

describe('portable', () => {
  it('knows an id in any case', () => {
    expect(atEast.portable(`${east.workspace.toLowerCase()}/jobs/j1`)).toBe('/<<hf:workspace>>/jobs/j1')
    expect(atEast.portable(east.storageAccount.toUpperCase())).toBe('/<<hf:account-id>>')
  })

  it('rewrites the text of an MLmodel file', () => {
    const file = (at: PlaceNames) =>
      `artifact_path: model\nmetadata:\n  source: azureml://${shortPath(at)}/datastores/workspaceartifactstore/paths/ExperimentRun/dcid.r1/model\n  uri: https://${nameOf(at.storageAccount)}.blob.core.windows.net/azureml/x\n`
    expect(atCentral.local(atEast.portable(file(east)))).toBe(file(central))
  })

  it('rewrites a location only in fields that hold one, in the form in which it stands there', () => {
    const body = {
      location: 'eastus2',
      computeLocation: 'East US 2',
      description: 'eastus2',
      tags: { place: 'eastus2' },
    }
    expect(atCentral.local(atEast.portable(body))).toEqual({
      ...body,
      location: 'centralus',
      computeLocation: 'Central US',
    })
  })

  it('leaves bare names in tags and parameters, which people name, and rewrites the text there', () => {
    const names = { region: 'eastus2', location: 'East US 2', computeName: 'gpu-cluster', accountName: 'churnaeast' }
    const body = (at: PlaceNames) => ({ tags: { ...names, from: at.workspace }, params: names, location: at.location })
    expect(atCentral.local(atEast.portable(body(east)))).toEqual(body(central))
    expect(atEast.local(atCentral.portable(body(central)))).toEqual(body(east))
  })

  it('moves a datastore of the own account with its resource group, and leaves one of a shared account', () => {
    const own = {
      accountName: 'churnaeast',
      resourceGroup: 'churn-eus2',
      subscriptionId: SUB,
      containerName: 'azureml',
    }
    const shared = { accountName: 'lake', resourceGroup: 'churn-eus2', subscriptionId: SUB, containerName: 'raw' }
    const there = atCentral.local(atEast.portable([own, shared]))
    expect(there).toEqual([{ ...own, accountName: 'churnbcentral', resourceGroup: 'dr.store' }, shared])
  })

  it('leaves a workspace of the same name in another resource group', () => {
    const config = { workspace_name: 'churn', resource_group: 'elsewhere', subscription_id: SUB }
    expect(atEast.portable(config)).toBe(config)
  })

  it('does not rewrite the names of fields', () => {
    expect(Object.keys(atEast.portable({ [east.workspace]: 1 }))).toEqual([east.workspace])
  })

  it('keeps a field named __proto__', () => {
    const value = JSON.parse(`{"__proto__":{"a":"${east.workspace}"},"b":"${east.workspace}"}`) as Json
    expect(JSON.stringify(atEast.local(atEast.portable(value)))).toBe(JSON.stringify(value))
  })

  it('returns the value itself where it names nothing', () => {
    const value = { a: ['x', { b: 'churn' }], c: null, d: 4 }
    expect(atEast.portable(value)).toBe(value)
  })
})

describe('local', () => {
  it('refuses a reference to something that this side does not have', () => {
    const { containerRegistry: _, ...without } = central
    const portable = atEast.portable({ image: 'churnimages.azurecr.io/a:1' })
    expect(() => translation(without).local(portable)).toThrow(
      expect.objectContaining({
        code: 'plan/dangling-reference',
        facts: expect.objectContaining({ word: 'registry' }),
      }),
    )
  })
})

describe('mapped names', () => {
  it('are the ones of the policy on both sides', () => {
    expect(atCentral.portableName('compute', 'gpu-cus')).toBe('gpu-cluster')
    expect(atCentral.localName('compute', 'gpu-cluster')).toBe('gpu-cus')
    expect(atEast.portableName('compute', 'gpu-cluster')).toBe('gpu-cluster')
  })

  it('are followed where a body has a bare name of a compute', () => {
    for (const field of ['computeName', 'imageBuildCompute']) {
      expect(atCentral.local(atEast.portable({ [field]: 'gpu-cluster' }))).toEqual({ [field]: 'gpu-cus' })
      expect(atEast.local(atCentral.portable({ [field]: 'gpu-cus' }))).toEqual({ [field]: 'gpu-cluster' })
    }
  })

  it('are followed where a body has the id of a subnet, in any case', () => {
    const subnet = (net: string) =>
      `/subscriptions/${SUB}/resourceGroups/nets/providers/Microsoft.Network/virtualNetworks/${net}/subnets/ml`
    const there = translation({ ...central, mappings: { subnet: { [subnet('east')]: subnet('central') } } })
    const portable = atEast.portable({ subnet: { id: subnet('EAST') } })
    expect(there.portable({ subnet: { id: subnet('Central') } })).toEqual(portable)
    expect(there.local(portable)).toEqual({ subnet: { id: subnet('central').toLowerCase() } })
    expect(there.local(atEast.portable({ id: subnet('other') }))).toEqual({ id: subnet('other').toLowerCase() })
  })

  it('lose nothing, whatever the mappings and the names', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e')
    fc.assert(
      fc.property(fc.dictionary(name, name), (mapping) => {
        const there = translation({ ...central, mappings: { compute: mapping } })
        const all = ['a', 'b', 'c', 'd', 'e']
        expect(new Set(all.map((one) => there.portableName('compute', one))).size).toBe(all.length)
        for (const one of all) expect(there.localName('compute', there.portableName('compute', one))).toBe(one)
      }),
    )
  })
})

function shortPath(at: PlaceNames): string {
  return `subscriptions/${SUB}/resourcegroups/${armId(at.workspace)?.group}/workspaces/${nameOf(at.workspace)}`
}
