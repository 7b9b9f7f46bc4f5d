import type { Address, Item, JsonObject } from '../../src/core/model.ts'
import { translation } from '../../src/core/portable.ts'
import { item } from '../../src/core/snapshot.ts'

export const KINDS = ['environment', 'component', 'model', 'schedule'] as const

/** One of the two workspaces whose lists are planned. */
export interface Place {
  readonly id: string
  /** Takes a parsed body as the engine does: rewritten, digested, with what it needs. */
  taken(body: JsonObject, index: number): Item
}

export const [SOURCE, TARGET] = [placeOf('eastus2', 'churn'), placeOf('centralus', 'churn-dr')] as const

function placeOf(location: string, name: string): Place {
  const group = `/subscriptions/7d0a2a9c-6a0f-4f5e-9b7d-1f2e3d4c5b6a/resourceGroups/${name}-rg/providers`
  const id = `${group}/Microsoft.MachineLearningServices/workspaces/${name}`
  const { portable } = translation({
    workspace: id,
    workspaceGuid: name === 'churn' ? '11111111-2222-3333-4444-555555555555' : '99999999-8888-7777-6666-555555555555',
    location,
    storageAccount: `${group}/Microsoft.Storage/storageAccounts/${name.replace('-', '')}store`,
  })
  return { id, taken: (body, index) => item(addressOf(index), portable(body), needsOf(index)) }
}

/** Versions of assets in containers of ten, of four kinds in turn. */
export function addressOf(index: number): Address {
  const kind = KINDS[index % KINDS.length] ?? KINDS[0]
  return `${kind}/asset-${Math.floor(index / 40)}-${index % 4}/${Math.floor(index / 4) % 10}`
}

/** A component needs an environment, a model a component, a schedule a model. */
function needsOf(index: number): readonly Address[] {
  return index % KINDS.length === 0 ? [] : [addressOf(index - 1)]
}

/** What ARM sends of an asset of a place, parsed: some half a kilobyte that names the place twice. */
export function bodyOf(place: Place, index: number, changed: boolean): JsonObject {
  const text = JSON.stringify({
    properties: {
      description: 'Who will leave, and why: trained nightly on what the shops send',
      tags: { run: `r${index}`, team: 'churn', stage: index % 3 === 0 ? 'production' : 'trial' },
      properties: { framework: 'sklearn', commit: (index * 2654435761).toString(16).padStart(40, '0') },
      isArchived: false,
      isAnonymous: false,
      flavors: { python_function: { data: { loader_module: 'mlflow.sklearn', python_version: '3.11.4' } } },
      path: `azureml:/${place.id}/datastores/workspaceblobstore/paths/models/${index}/model.pkl`,
      environmentId: `${place.id}/environments/train/versions/${index % 50}`,
      value: changed ? 1 : 0,
    },
  })
  return JSON.parse(text) as JsonObject
}
