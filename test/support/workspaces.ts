import type { Arm } from '../../src/azure/arm.ts'
import { type Azure, openAzure } from '../../src/azure/open-azure.ts'
import { surroundingsOf } from '../../src/azure/transport.ts'
import type { TestEmulator } from './emulator.ts'

/** The product's own way to an emulator. */
export function azureOf(emulator: TestEmulator, requestMilliseconds = 30_000): Azure {
  return openAzure({ surroundings: surroundingsOf(emulator.env), requestMilliseconds })
}

export interface NewWorkspace {
  readonly subscription: string
  readonly group: string
  readonly name: string
  readonly location: string
  /** Name of its storage account: unique in the emulator. */
  readonly account: string
}

/** Makes a resource group, a storage account and a workspace. Returns the workspace's id. */
export async function createWorkspace(arm: Arm, wanted: NewWorkspace): Promise<string> {
  const { subscription, group, name, location, account } = wanted
  const signal = AbortSignal.timeout(30_000)
  const groupId = `/subscriptions/${subscription}/resourceGroups/${group}`
  await arm.put(groupId, { location }, { signal, apiVersion: '2022-09-01' })
  const storageAccount = `${groupId}/providers/Microsoft.Storage/storageAccounts/${account}`
  const storage = { location, kind: 'StorageV2', sku: { name: 'Standard_LRS' }, properties: {} }
  await arm.put(storageAccount, storage, { signal, apiVersion: '2023-05-01' })
  const keyVault = `${groupId}/providers/Microsoft.KeyVault/vaults/kv-${account}`
  await arm.put(keyVault, { location, properties: {} }, { signal, apiVersion: '2023-07-01' })
  const id = `${groupId}/providers/Microsoft.MachineLearningServices/workspaces/${name}`
  const properties = { friendlyName: name, storageAccount, keyVault }
  const identity = { type: 'SystemAssigned' }
  await arm.put(id, { location, identity, properties }, { signal, apiVersion: '2025-12-01' })
  return id
}
