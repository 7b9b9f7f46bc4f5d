import type { Azure } from '../../azure/open-azure.ts'
import { isFault } from '../../core/errors.ts'
import type { JsonObject, Side } from '../../core/model.ts'
import { isServer, type Policy } from '../../core/policy.ts'
import { type Names, readNames } from '../../services/place.ts'
import { demandOwnCloud } from './own-cloud.ts'

/** The names by which the workspaces of a pair go: asked once, remembered for the day on which a side cannot be asked. */
export interface KnownNames {
  /** `undefined` where there is no such workspace, and for a side that is none. */
  of(side: Side, signal: AbortSignal): Promise<Names | undefined>
  /** Asks anew. Gives what changed; a side that does not answer keeps its own. */
  learn(signal: AbortSignal): Promise<ReadonlyMap<Side, JsonObject>>
}

/** What was kept of a side by an earlier process. */
export type Remembered = (side: Side) => Promise<JsonObject | undefined>

export function knownNames(policy: Policy, azure: Azure, remembered: Remembered): KnownNames {
  const known = new Map<Side, Names>()
  const mappings = { primary: {}, secondary: { mappings: policy.mappings } }

  async function asked(side: Side, signal: AbortSignal): Promise<Names | undefined> {
    const one = policy[side]
    if (isServer(one)) return undefined
    demandOwnCloud(one.workspace)
    return readNames(azure.arm, one.workspace, { ...mappings[side], signal })
  }

  async function of(side: Side, signal: AbortSignal): Promise<Names | undefined> {
    if (isServer(policy[side])) return undefined
    const kept = known.get(side) ?? ((await remembered(side)) as Names | undefined)
    const names = kept ?? (await asked(side, signal))
    if (names !== undefined) known.set(side, names)
    return names
  }

  async function learn(signal: AbortSignal): Promise<ReadonlyMap<Side, JsonObject>> {
    const changed = new Map<Side, JsonObject>()
    for (const side of ['primary', 'secondary'] as const) {
      try {
        const names = await asked(side, signal)
        if (names === undefined || JSON.stringify(names) === JSON.stringify(await remembered(side))) continue
        known.set(side, names)
        changed.set(side, names as unknown as JsonObject)
      } catch (thrown) {
        if (!isFault(thrown, 'azure/unreachable', 'azure/signin', 'azure/throttled') || signal.aborted) throw thrown
      }
    }
    return changed
  }

  return { of, learn }
}
