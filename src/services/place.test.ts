import { describe, expect, it } from 'vitest'
import type { Arm } from '../azure/arm.ts'
import type { JsonObject } from '../core/model.ts'
import { openPlace, placeOf, readNames } from './place.ts'
import { referencesIn, renamedIn } from './references.ts'

const signal = AbortSignal.timeout(10_000)
const GROUP = '/subscriptions/s/resourceGroups/g/providers'
const ID = `${GROUP}/Microsoft.MachineLearningServices/workspaces/churn`
const STORAGE = `${GROUP}/Microsoft.Storage/storageAccounts/churnst`

function armOf(resources: Readonly<Record<string, JsonObject>>): Arm {
  return { get: async (path: string) => resources[path] } as unknown as Arm
}

const whole = { location: 'East US 2', properties: { workspaceId: 'guid-1', storageAccount: STORAGE } }

describe('openPlace', () => {
  it('knows a workspace by what it says itself', async () => {
    const place = await openPlace(armOf({ [ID]: whole }), `${ID}/`, { signal })
    expect(place).toMatchObject({
      workspace: ID,
      location: 'eastus2',
      workspaceGuid: 'guid-1',
      storageAccount: STORAGE,
    })
    expect(place?.portable('https://churnst.blob.core.windows.net/x')).not.toContain('churnst')
  })

  it('gives undefined where there is none', async () => {
    expect(await openPlace(armOf({}), ID, { signal })).toBeUndefined()
  })

  it('finds the storage of a project at its hub', async () => {
    const hub = ID.replace('churn', 'hub')
    const project = { location: 'eastus2', properties: { workspaceId: 'guid-2', hubResourceId: hub } }
    const names = await readNames(armOf({ [ID]: project, [hub]: whole }), ID, { signal })
    expect(names).toMatchObject({ workspaceGuid: 'guid-2', storageAccount: STORAGE })
  })

  it('says what is wrong with a workspace that is not ready', async () => {
    const failed = { location: 'eastus2', properties: { provisioningState: 'Failed' } }
    await expect(openPlace(armOf({ [ID]: failed }), ID, { signal })).rejects.toThrow('its state is Failed')
  })
})

describe('references', () => {
  const place = placeOf({ workspace: ID, workspaceGuid: 'guid-1', location: 'eastus2', storageAccount: STORAGE })

  it('are found in every form in which Azure writes them', () => {
    const found = (value: JsonObject) => referencesIn(place.portable({ properties: value }))
    expect(found({ environmentId: `${ID}/environments/train/versions/7` })).toEqual(['environment/train/7'])
    expect(found({ environmentId: `azureml:${ID.toLowerCase()}/environments/train/labels/latest` })).toEqual([
      'environment/train',
    ])
    expect(found({ uri: `azureml:/${ID}/data/x/versions/1`.replace('//', '/') })).toEqual(['data/x/1'])
    const long = 'azureml://subscriptions/s/resourcegroups/g/workspaces/churn'
    expect(found({ modelUri: `${long}/datastores/lake/paths/a/b` })).toEqual(['datastore/lake'])
    expect(found({ uri: `${long}/models/churn/versions/3` })).toEqual(['model/churn/3'])
    expect(found({ modelUri: 'azureml://datastores/lake/paths/a' })).toEqual(['datastore/lake'])
    expect(found({ environmentId: 'azureml:train:7' })).toEqual(['environment/train/7'])
    expect(found({ environmentId: 'azureml:train@latest' })).toEqual(['environment/train'])
    expect(found({ model: 'azureml:AzureML-churn:1' })).toEqual(['model/AzureML-churn/1'])
    expect(found({ inputs: { m: { jobInputType: 'mlflow_model', uri: 'azureml:churn:3' } } })).toEqual([
      'model/churn/3',
    ])
    expect(found({ computeId: `${ID}/computes/gpu` })).toEqual(['compute/gpu'])
  })

  it('are not found in what people write, nor in what stands elsewhere', () => {
    const body = place.portable({
      properties: {
        description: `${ID}/models/x/versions/1`,
        tags: { from: `${ID}/models/x/versions/1` },
        properties: { from: `${ID}/models/x/versions/1` },
        environmentId: 'azureml://registries/azureml/environments/sklearn/versions/1',
        other: `${ID}-2/models/x/versions/1`,
        placed: `azureml://datastores/\${{default_datastore}}/paths/\${{name}}/\${{output_name}}/`,
        curated: `${ID}/environments/AzureML-sklearn/versions/3`,
        computeId: '',
      },
    })
    expect(referencesIn(body)).toEqual([])
  })

  it('are none to serverless compute, which no workspace lists and each has', () => {
    const body = place.portable({
      properties: {
        computeId: `${ID}/computes/serverless`,
        jobs: { train: { computeId: `${ID}/computes/Serverless` }, score: { compute: 'azureml:serverless' } },
      },
    })
    expect(referencesIn(body)).toEqual([])
    expect(referencesIn({ properties: { uri: 'azureml:serverless:1' } })).toEqual(['data/serverless/1'])
  })

  it('are led elsewhere, and nothing else of the body changes', () => {
    const body = {
      a: '/<<hf:workspace>>/data/v1/versions/1',
      b: { environmentId: 'azureml:train:7' },
      c: ['/<<hf:workspace>>/data/v1/versions/11'],
      description: '/<<hf:workspace>>/data/v1/versions/1',
    }
    const renames = new Map([
      ['data/v1/1', 'data/v1/1-aa'],
      ['environment/train/7', 'environment/train/7-bb'],
    ] as const)
    expect(renamedIn(body, renames)).toEqual({
      ...body,
      a: '/<<hf:workspace>>/data/v1/versions/1-aa',
      b: { environmentId: 'azureml:train:7-bb' },
    })
    expect(renamedIn(body, new Map())).toBe(body)
  })
})
