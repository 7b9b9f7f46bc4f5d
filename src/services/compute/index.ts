import type { Arm } from '../../azure/arm.ts'
import { digestOf, sameJson } from '../../core/canonical.ts'
import { Fault } from '../../core/errors.ts'
import type { Address, Item } from '../../core/model.ts'
import { ML_API } from '../arm-body.ts'
import { namedResources } from '../named-resource.ts'
import type { Carriage, Place, Reach, Service } from '../service.ts'
import { change, demandTaken, make } from './changing.ts'
import { coresLacking } from './quota.ts'
import { computeBody, frozenOf, innerOf, isMade, ownerOf, parkedBody, typeOf } from './schema.ts'

/** Computes: clusters, instances, and what is attached. See ./readme.md. */
export function computes(arm: Arm): Service {
  const { list, read, pathOf } = namedResources(arm, { kind: 'compute', collection: 'computes', body: computeBody })

  async function converge(place: Place, wanted: Item, { signal }: Carriage): Promise<Item> {
    const there = await read(place, wanted.address, { signal })
    if (there?.digest === wanted.digest) return there
    if (!isMade(wanted.body)) throw attached(wanted)
    if (there !== undefined && digestOf(frozenOf(there.body)) !== digestOf(frozenOf(wanted.body))) {
      throw otherCompute(wanted.address)
    }
    if (there !== undefined && !sameJson(ownerOf(there.body), ownerOf(wanted.body))) throw otherOwner(wanted.address)
    const path = pathOf(place, wanted.address)
    if (there !== undefined) await change(arm, path, { place, there, wanted }, signal)
    else await make(arm, path, { place, wanted }, signal)
    await settle(place, wanted, signal)
    const stands = (await read(place, wanted.address, { signal })) ?? wanted
    demandTaken(wanted, stands)
    return stands
  }

  /** Starts or stops an instance; nothing where it is as wanted, or where there is nothing to start. */
  async function settle(place: Place, wanted: Item, signal: AbortSignal): Promise<void> {
    const state = innerOf(wanted.body)['state']
    if (state === undefined) return
    const there = await read(place, wanted.address, { signal })
    if (there === undefined || innerOf(there.body)['state'] === state) return
    const act = state === 'Stopped' ? 'stop' : 'start'
    await arm.post(`${pathOf(place, wanted.address)}/${act}`, undefined, { signal, apiVersion: ML_API })
  }

  async function remove(place: Place, of: Address, { signal }: Reach): Promise<void> {
    const found = await read(place, of, { signal })
    if (found === undefined) return
    // What is attached stands elsewhere and stays there.
    const action = isMade(found.body) ? 'Delete' : 'Detach'
    const path = `${pathOf(place, of)}?underlyingResourceAction=${action}`
    await arm.delete(path, { signal, apiVersion: ML_API })
  }

  return {
    kind: 'compute',
    needs: [],
    can: { converge: true, update: true, remove: true, acts: false, ordered: false },
    list,
    read,
    references: () => [],
    converge,
    remove,
    frozen: frozenOf,
    parked: parkedBody,
    observed: (body) => !isMade(body),
    lacking: (place, acting, reach) => coresLacking(arm, place, acting, reach),
  }
}

function attached(wanted: Item): Fault {
  return new Fault('azure/refused', `${wanted.address} is attached to a ${typeOf(wanted.body)} that stands elsewhere`, {
    facts: { computeType: typeOf(wanted.body) },
    hint: 'Attach one in the standby under the same name, or map the name in `mappings`.',
  })
}

function otherCompute(of: Address): Fault {
  return new Fault('sync/conflict', `${of} stands there with another type, size or network, which can never change`, {
    hint: 'Map its subnet, or its name to a compute of your choice, in `mappings`, or remove the one in the standby.',
  })
}

function otherOwner(of: Address): Fault {
  return new Fault('sync/conflict', `${of} stands there and is somebody else's, who alone can use it`, {
    hint: 'Remove the one in the standby, so that it is made for whose it is, or exclude it from sync.',
  })
}
