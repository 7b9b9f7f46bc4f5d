import type { Arm } from '../../azure/arm.ts'
import { sameJson } from '../../core/canonical.ts'
import { type Facts, Fault, isFault } from '../../core/errors.ts'
import type { Item, JsonObject } from '../../core/model.ts'
import { ML_API, objectOf, textOf, withProperties } from '../arm-body.ts'
import type { Place } from '../service.ts'
import { innerOf, ownerOf, withoutState } from './schema.ts'

/**
 * What of an instance that stands a PUT need not change. How long it may idle is taken only when it is made, as the
 * vendor's page on managing instances says; of its schedules Azure/bicep-types-az#2543 reports the same.
 */
const DOUBTFUL = { schedules: 'its schedules', idleTimeBeforeShutdown: 'how long it may idle' } as const

const IDLE = 'idleTimeBeforeShutdown'

/**
 * Makes a compute.
 *
 * @throws Fault `azure/refused` that says what to look at first: a subnet for which the policy maps none, or for whom it is made
 */
export async function make(
  arm: Arm,
  path: string,
  { place, wanted }: { readonly place: Place; readonly wanted: Item },
  signal: AbortSignal,
): Promise<void> {
  try {
    await arm.put(path, place.local(withoutState(wanted.body)), { signal, apiVersion: ML_API })
  } catch (thrown) {
    const doubt = isFault(thrown, 'azure/refused') ? doubtOf(place, wanted) : undefined
    if (!isFault(thrown) || doubt === undefined) throw thrown
    const facts = { ...thrown.facts, ...doubt.facts }
    throw new Fault(thrown.code, thrown.message, { facts, hint: doubt.hint, cause: thrown })
  }
}

function doubtOf(place: Place, { body }: Item): { readonly facts: Facts; readonly hint: string } | undefined {
  const subnet = textOf(objectOf(innerOf(body)['subnet'])['id'])
  if (subnet !== undefined && place.local({ subnet })['subnet'] === subnet) {
    const hint = `Name the subnet that stands for ${subnet} in this region under \`mappings.subnet\`.`
    return { facts: { subnet }, hint }
  }
  const owner = textOf(ownerOf(body)?.['objectId'])
  if (owner === undefined) return undefined
  const hint = `Look whether ${owner}, for whom it is made, is a person; if not, make one by hand and exclude it from sync.`
  return { facts: { owner }, hint }
}

/** Changes a compute that stands, each part by the call that takes it. Nothing is sent where nothing differs. */
export async function change(
  arm: Arm,
  path: string,
  { place, there, wanted }: { readonly place: Place; readonly there: Item; readonly wanted: Item },
  signal: AbortSignal,
): Promise<void> {
  const options = { signal, apiVersion: ML_API }
  const definition = withoutState(wanted.body)
  if (!sameJson(withoutIdle(withoutState(there.body)), withoutIdle(definition))) {
    await arm.put(path, place.local(definition), options)
  }
  const idle = innerOf(wanted.body)[IDLE]
  if (idle === undefined || idle === innerOf(there.body)[IDLE]) return
  await arm.post(`${path}/updateIdleShutdownSetting`, { [IDLE]: idle }, options)
}

/** @throws Fault `azure/refused` where Azure took a change and did not make it */
export function demandTaken(wanted: Item, stands: Item): void {
  const [asked, is] = [innerOf(wanted.body), innerOf(stands.body)]
  const left = Object.entries(DOUBTFUL).filter(([field]) => !sameJson(asked[field], is[field]))
  if (left.length === 0) return
  const what = left.map(([, words]) => words).join(' and ')
  throw new Fault('azure/refused', `${wanted.address} stands, and Azure left ${what} as before`, {
    facts: { left: left.map(([field]) => field).join(', ') },
    hint: 'Change it in the studio, in the schedules of the instance on that side.',
  })
}

function withoutIdle(body: JsonObject): JsonObject {
  const { [IDLE]: _, ...inner } = innerOf(body)
  return withProperties(body, { properties: inner })
}
