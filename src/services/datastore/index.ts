import type { Arm } from '../../azure/arm.ts'
import { Fault } from '../../core/errors.ts'
import type { Address, Item, JsonObject } from '../../core/model.ts'
import { localBody, ML_API, objectOf, propertiesOf, STORAGE_API, textOf, withProperties } from '../arm-body.ts'
import { namedResources, nameOf } from '../named-resource.ts'
import type { Carriage, Place, Service } from '../service.ts'
import { datastoreBody, frozenOf, isOwn } from './schema.ts'

/** Datastores: where a workspace finds data, and with which secret. See ./readme.md. */
export function datastores(arm: Arm): Service {
  const named = { kind: 'datastore', collection: 'datastores', body: datastoreBody }
  const { list, read, pathOf } = namedResources(arm, named)

  async function converge(place: Place, wanted: Item, carriage: Carriage): Promise<Item> {
    const { source, signal } = carriage
    const there = await read(place, wanted.address, { signal })
    if (there?.digest === wanted.digest || (there !== undefined && isOwn(nameOf(wanted.address)))) return there
    const body = localBody(place, wanted.body, source)
    const credentials = objectOf(propertiesOf(body)['credentials'])
    const secrets = await secretsFor(place, wanted, carriage)
    const sent = withProperties(body, {
      credentials: secrets === undefined ? credentials : { ...credentials, secrets },
    })
    // Validation would try the secret from where the datastore's network may not be reached.
    const path = `${pathOf(place, wanted.address)}?skipValidation=true`
    await arm.put(path, sent, { signal, apiVersion: ML_API })
    return (await read(place, wanted.address, { signal })) ?? wanted
  }

  /** What opens the datastore here: the source's secret, or for the own account of either place that account's own key. */
  async function secretsFor(place: Place, wanted: Item, { source, signal }: Carriage): Promise<JsonObject | undefined> {
    const type = textOf(objectOf(propertiesOf(wanted.body)['credentials'])['credentialsType'])
    if (type === undefined || type === 'None') return undefined
    const [here, there] = [place, source].map((one) => textOf(propertiesOf(one.local(wanted.body))['accountName']))
    const isOwnAccount = here !== undefined && here !== there
    if (isOwnAccount && type === 'Sas') throw notPortable(wanted.address, type)
    if (isOwnAccount && type === 'AccountKey') {
      // What is on the other side's account on purpose is so on its copy, which is on the source's then.
      const owner = accountOf(source) === here.toLowerCase() ? source : place
      return { secretsType: type, key: await ownKey(owner, signal) }
    }
    // Of an identity the secret is the same, whichever account it opens.
    const path = `${pathOf(source, wanted.address)}/listSecrets`
    return arm.post(path, { expirableSecret: false }, { signal, apiVersion: ML_API })
  }

  async function ownKey(place: Place, signal: AbortSignal): Promise<string> {
    const listed = await arm.post(`${place.storageAccount}/listKeys`, undefined, { signal, apiVersion: STORAGE_API })
    const [first] = (listed?.['keys'] ?? []) as readonly { readonly value: string }[]
    if (first !== undefined) return first.value
    throw new Fault('azure/refused', `${place.storageAccount} gives no account key`, {
      hint: 'Let the datastore sign in with an identity, or allow shared keys on the account.',
    })
  }

  return {
    kind: 'datastore',
    needs: [],
    can: { converge: true, update: true, remove: true, acts: false, ordered: false },
    list,
    read,
    references: () => [],
    converge,
    remove: async (place, of, { signal }) => {
      if (!isOwn(nameOf(of))) await arm.delete(pathOf(place, of), { signal, apiVersion: ML_API })
    },
    frozen: frozenOf,
  }
}

function accountOf({ storageAccount }: Place): string {
  return storageAccount.slice(storageAccount.lastIndexOf('/') + 1).toLowerCase()
}

function notPortable(of: Address, type: string): Fault {
  return new Fault(
    'azure/refused',
    `${of} opens the workspace's own account by ${type}, which opens that account only`,
    {
      facts: { credentialsType: type },
      hint: 'Give the datastore an account key or an identity, or keep its data in an account that both sides attach.',
    },
  )
}
