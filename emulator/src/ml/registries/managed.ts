import { randomBytes, randomUUID } from 'node:crypto'
import { NoWay, Outward } from '../../outward.ts'
import { Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'

const ARM = 'https://management.azure.com'
const LONGEST_NAME = 24

/** What a registry makes for itself, in a resource group of its own. */
export interface Managed {
  readonly groupId: string
  readonly storageAccountId: string
}

/** Makes and removes the resources that stand behind registries, as their provider does in Azure: by asking ARM. */
export class ManagedResources {
  readonly #region: Region
  readonly #outward: Outward

  constructor(region: Region) {
    this.#region = region
    this.#outward = new Outward(region, { subject: `registries-${region.name}`, audience: ARM })
    region.closing.push(() => this.#outward.close())
  }

  /** Makes the group and the storage account of a new registry. */
  async make(registryId: string): Promise<Managed> {
    const [, , subscription = ''] = registryId.split('/')
    const name = registryId.split('/').at(-1) ?? ''
    const groupId = `/subscriptions/${subscription}/resourceGroups/azureml-rg-${name}_${randomUUID()}`
    const plain = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
    const account = `${randomBytes(4).toString('hex')}${plain}`.slice(0, LONGEST_NAME)
    const storageAccountId = `${groupId}/providers/Microsoft.Storage/storageAccounts/${account}`
    const location = this.#region.name
    try {
      await this.#put(`${groupId}?api-version=2022-09-01`, { location, managedBy: registryId })
      const store = { location, kind: 'StorageV2', sku: { name: 'Standard_LRS' }, properties: {} }
      await this.#put(`${storageAccountId}?api-version=2023-01-01`, store)
    } catch (failure) {
      if (!(failure instanceof NoWay)) throw failure
      await this.#makeAlone(storageAccountId)
    }
    return { groupId, storageAccountId }
  }

  /** Asks ARM to remove the group with all that is in it. */
  async remove(groupId: string): Promise<void> {
    try {
      await this.#send('DELETE', `${groupId}?api-version=2022-09-01`)
    } catch (failure) {
      if (!(failure instanceof NoWay)) throw failure
    }
  }

  /** A region without ARM before it, as unit tests have it, keeps the account alone. */
  #makeAlone(id: string): Promise<void> {
    return this.#region.db.write(() => {
      this.#region.resources.put(id, { location: this.#region.name, properties: {} }, 'registries')
      this.#region.blobs.accounts.create(id.split('/').at(-1) ?? '')
    })
  }

  async #put(path: string, body: unknown): Promise<void> {
    const { status, text } = await this.#send('PUT', path, body)
    if (status < 300) return
    throw new Refusal(503, 'RegistryResourcesUnavailable', `ARM answered ${status} to PUT ${path}: ${text}`)
  }

  async #send(
    method: 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    const headers = { 'content-type': 'application/json' }
    const answer = await this.#outward.send({ method, url: `${ARM}${path}`, headers, body: sent })
    return { status: answer.statusCode, text: await answer.body.text() }
  }
}
