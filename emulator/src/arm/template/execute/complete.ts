import { isArray, isObject, type JsonObject, property, textAt } from '../json.ts'
import { canonicalId } from '../resource-ids.ts'
import type { Recorder } from './run.ts'
import { type ArmError, errorOf, isJsonObject, type Sender } from './sender.ts'

/** A version that every provider of the emulator takes for a removal. */
const ANY_VERSION = '2023-01-01'
/** Removed first: it stands on the others. */
const STANDS_ON_OTHERS = 'microsoft.machinelearningservices/'

export interface Completing {
  readonly scope: string
  /** Canonical ids of what the template and its nested deployments name. */
  readonly named: ReadonlySet<string>
  readonly sender: Sender
  readonly recorder: Recorder
}

/**
 * Removes the resources of a group that a deployment in the mode Complete does not name.
 *
 * Only what the group lists and what can be read is removed: a list that fails, or a resource whose region is
 * away, is an error and leaves everything as it is.
 */
export async function complete(completing: Completing): Promise<readonly ArmError[]> {
  const { scope, named, sender, recorder } = completing
  const list = await sender.send('GET', `${encodeURI(scope)}/resources?api-version=2021-04-01`)
  if (list.status >= 400) return [errorOf(list)]
  const value = isJsonObject(list.body) ? property(list.body, 'value') : undefined
  const ids = inOrder(isArray(value) ? value.filter(isObject) : []).filter((id) => !named.has(canonicalId(id)))
  for (const id of ids) {
    const read = await sender.send('GET', addressOf(id))
    if (read.status >= 400 && read.status !== 404) return [errorOf(read)]
  }
  const errors: ArmError[] = []
  for (const id of ids) {
    const operation = await recorder.begun(id, 'Delete')
    const settled = await sender.settle('DELETE', addressOf(id))
    await recorder.ended(operation, settled)
    if (!settled.ok) errors.push(settled.error)
  }
  return errors
}

function addressOf(id: string): string {
  return `${encodeURI(id)}?api-version=${ANY_VERSION}`
}

/** Newest first, and workspaces before what they stand on. */
function inOrder(listed: readonly JsonObject[]): readonly string[] {
  const rank = (one: JsonObject) => ((textAt(one, 'type') ?? '').toLowerCase().startsWith(STANDS_ON_OTHERS) ? 0 : 1)
  return listed
    .toReversed()
    .sort((a, b) => rank(a) - rank(b))
    .flatMap((one) => textAt(one, 'id') ?? [])
}
