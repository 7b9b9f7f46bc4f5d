import type { Arm, Body } from '../azure/arm.ts'
import { Fault } from '../core/errors.ts'
import type { JsonObject } from '../core/model.ts'
import { translation } from '../core/portable.ts'
import { ML_API, propertiesOf, textOf } from './arm-body.ts'
import type { Place, Reach } from './service.ts'

/** Everything by which one side is named. Plain JSON: it can be kept, for the day on which the side cannot be asked. */
export type Names = Parameters<typeof translation>[0]

export interface PlaceOptions {
  /** Names that differ on purpose, by kind: the primary's name → the name here. Empty on the primary. */
  readonly mappings?: NonNullable<Names['mappings']>
  /** The other side, where it is known: what this side says about it is then carried as such. */
  readonly peer?: Names
}

/** Reads a workspace and opens it as a place. `undefined` where there is no such workspace. */
export async function openPlace(
  arm: Arm,
  workspace: string,
  options: PlaceOptions & Reach,
): Promise<Place | undefined> {
  const names = await readNames(arm, workspace, options)
  return names === undefined ? undefined : placeOf(names, options.peer)
}

/** What names a workspace, as it says itself; `undefined` where there is none. */
export async function readNames(
  arm: Arm,
  workspace: string,
  { mappings, signal }: Pick<PlaceOptions, 'mappings'> & Reach,
): Promise<Names | undefined> {
  const id = workspace.replace(/\/+$/, '')
  const found = await arm.get(id, { signal, apiVersion: ML_API })
  if (found === undefined) return undefined
  const own = propertiesOf(found)
  const shared = await hubOf(arm, own, signal)
  const given = (field: string): string | undefined => textOf(own[field]) ?? textOf(shared[field])
  const [workspaceGuid, location, storageAccount] = [
    given('workspaceId'),
    textOf(found['location']),
    given('storageAccount'),
  ]
  if (workspaceGuid === undefined || location === undefined || storageAccount === undefined) throw unusable(id, found)
  const optional = (field: 'keyVault' | 'containerRegistry' | 'applicationInsights') => {
    const value = given(field)
    return value === undefined ? {} : { [field]: value }
  }
  return {
    workspace: id,
    workspaceGuid,
    location: location.replaceAll(' ', '').toLowerCase(),
    storageAccount,
    ...optional('keyVault'),
    ...optional('containerRegistry'),
    ...optional('applicationInsights'),
    ...(mappings === undefined ? {} : { mappings }),
  }
}

/** The place that names mean. Asks nobody. */
export function placeOf(names: Names, peer?: Names): Place {
  const { portable, local } = translation(names, peer)
  const { workspace, location, workspaceGuid, storageAccount } = names
  return { workspace, location, workspaceGuid, storageAccount, portable, local }
}

/** A project has its storage, vault and registry from its hub. */
async function hubOf(arm: Arm, own: JsonObject, signal: AbortSignal): Promise<JsonObject> {
  const hub = textOf(own['hubResourceId'])
  if (hub === undefined || textOf(own['storageAccount']) !== undefined) return {}
  const { workspaceId: _, ...shared } = propertiesOf((await arm.get(hub, { signal, apiVersion: ML_API })) ?? {})
  return shared
}

function unusable(id: string, found: Body): Fault {
  const state = textOf(propertiesOf(found)['provisioningState']) ?? 'unknown'
  return new Fault('azure/refused', `${id} has no id, location or storage of its own yet; its state is ${state}`, {
    facts: { state },
    hint: 'Wait until the workspace is provisioned, or repair it, and run it again.',
  })
}
