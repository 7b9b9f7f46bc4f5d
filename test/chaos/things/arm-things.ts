import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, ARM_HOST } from '../client.ts'
import { labelOf, textOf } from '../labelled-text.ts'
import { type Desk, explained, found, type ThingKind } from './thing.ts'

/** A resource of ARM: where it is, what is PUT, and where the text stands in what is read. */
export interface ArmThing {
  readonly name: string
  readonly path: (desk: Desk) => string
  readonly body: (text: string, desk: Desk) => object
  /** Where the text stands in the body that is read. */
  readonly text: string
  readonly version?: string
  readonly longest?: number
  readonly buries?: boolean
  readonly once?: boolean
  /** Query of the DELETE; `undefined` where the thing is never removed. */
  readonly removal?: string | undefined
}

const LONGEST = 2000
const POLLS = 200

/** A kind of thing that is PUT, read back under the same path, and removed there. */
export function armThing(thing: ArmThing): ThingKind {
  const { name, path, body, text, version = '2025-12-01', longest = LONGEST, removal } = thing
  const { buries = false, once = false } = thing
  const urlOf = (desk: Desk, query = '') => `${ARM_HOST}${path(desk)}?api-version=${version}${query}`
  const read = async (desk: Desk): Promise<string | undefined> => {
    const answer = found(await desk.client.send('GET', urlOf(desk)), name)
    if (answer === undefined || isLeaving(answer)) return undefined
    return labelOf(String(answer.at(text)))
  }
  return {
    name,
    longest,
    buries,
    once,
    write: async (desk, label) => {
      const answer = await desk.client.send('PUT', urlOf(desk), { body: body(textOf(label), desk) })
      return explained(answer, `PUT of ${name}`)
    },
    read,
    ...(removal === undefined
      ? {}
      : {
          remove: async (desk: Desk) => {
            const answer = explained(await desk.client.send('DELETE', urlOf(desk, removal)), `DELETE of ${name}`)
            if (answer.status === 202) await goneFrom(desk, urlOf(desk))
            return answer
          },
        }),
  }
}

function isLeaving(answer: Answer): boolean {
  return String(answer.at('properties.provisioningState')) === 'Deleting'
}

/** Waits for the end of a removal that was accepted, as a client polls. One that breaks off was accepted all the same. */
async function goneFrom(desk: Desk, url: string): Promise<void> {
  for (let asked = 0; asked < POLLS; asked++) {
    const answer = await desk.client.send('GET', url).catch(() => undefined)
    if (answer === undefined || answer.status === 404 || answer.status >= 500) return
    await sleep(20)
  }
}

/** A GUID that follows from a text. */
export function guidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

const template = (name: string, region: string) => ({
  $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
  contentVersion: '1.0.0.0',
  parameters: { mark: { type: 'string' } },
  resources: [
    {
      type: 'Microsoft.KeyVault/vaults',
      apiVersion: '2023-07-01',
      name: `made-${name}`,
      location: region,
      tags: { mark: "[parameters('mark')]" },
      properties: {},
    },
  ],
})

const VAULT_AUDIENCE = 'https://vault.azure.net'

function secretOf({ site, name }: Desk): string {
  return `https://secrets-${site.region}.vault.azure.net/secrets/s-${name}?api-version=7.4`
}

const READER = 'acdd72a7-3385-48ef-bd42-f606fba81ae7'

/** A version more each time, of which the newest is read. */
const SECRET: ThingKind = {
  name: 'secret of a vault',
  longest: 1000,
  write: async (desk, label) => {
    const url = secretOf(desk)
    const body = { value: textOf(label) }
    return explained(await desk.client.send('PUT', url, { body, audience: VAULT_AUDIENCE }), url)
  },
  read: async (desk) => {
    const url = secretOf(desk)
    const answer = found(await desk.client.send('GET', url, { audience: VAULT_AUDIENCE }), url)
    return answer === undefined ? undefined : labelOf(String(answer.at('value')))
  },
}

/** What is not Azure ML: groups, resources, roles, deployments, whole workspaces. */
export const ARM_THINGS: readonly ThingKind[] = [
  armThing({
    name: 'resource group',
    path: ({ site, name }) => `/subscriptions/${site.subscription}/resourceGroups/g-${site.region}-${name}`,
    body: (mark, { site }) => ({ location: site.region, tags: { mark } }),
    text: 'tags.mark',
    version: '2024-03-01',
    removal: '',
  }),
  armThing({
    name: 'vault',
    path: ({ site, name }) => `${site.group}/providers/Microsoft.KeyVault/vaults/v-${site.region}-${name}`,
    body: (mark, { site }) => ({ location: site.region, tags: { mark }, properties: {} }),
    text: 'tags.mark',
    version: '2023-07-01',
    removal: '',
  }),
  armThing({
    name: 'role assignment',
    path: ({ site, name }) =>
      `${site.group}/providers/Microsoft.Authorization/roleAssignments/${guidOf(`${site.region}${name}`)}`,
    body: (description, { site, name }) => ({
      properties: {
        description,
        roleDefinitionId: `/subscriptions/${site.subscription}/providers/Microsoft.Authorization/roleDefinitions/${READER}`,
        principalId: guidOf(`principal of ${site.region}${name}`),
      },
    }),
    text: 'properties.description',
    version: '2022-04-01',
    once: true,
    removal: '',
  }),
  armThing({
    name: 'deployment',
    path: ({ site, name }) => `${site.group}/providers/Microsoft.Resources/deployments/d-${name}`,
    body: (value, { site, name }) => ({
      properties: { mode: 'Incremental', template: template(name, site.region), parameters: { mark: { value } } },
    }),
    text: 'properties.parameters.mark.value',
    version: '2024-03-01',
    once: true,
  }),
  armThing({
    name: 'workspace',
    path: ({ site, name }) => `${site.group}/providers/Microsoft.MachineLearningServices/workspaces/w-${name}`,
    body: (mark, { site }) => ({
      location: site.region,
      identity: { type: 'SystemAssigned' },
      tags: { mark },
      properties: { storageAccount: `${site.group}/providers/Microsoft.Storage/storageAccounts/${site.account}` },
    }),
    text: 'tags.mark',
    removal: '&forceToPurge=true',
  }),
  SECRET,
]
