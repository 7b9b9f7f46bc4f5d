import { faultOf, isFault } from '../core/errors.ts'
import type { Address, Kind, Side } from '../core/model.ts'
import type { Service } from '../services/service.ts'
import type { Parts } from './parts.ts'

/** What fencing a side came to. */
export interface Fenced {
  /** True if every kind that acts was asked and stopped: nothing there starts by itself any more. */
  readonly complete: boolean
  /** What was found acting, and was stopped. */
  readonly stopped: readonly Address[]
  /** Kinds that could not be asked, with the reason. They are fenced when the side returns. */
  readonly unreached: Readonly<Record<Kind, string>>
}

/**
 * Stops everything on a side that acts by itself: schedules, queued and running jobs, traffic.
 *
 * What cannot be reached is named and not waited for. Safe to call again: what is stopped already is left alone.
 *
 * @param limits `permit` is called before each kind and throws where this process may no longer act
 */
export async function fence(
  parts: Parts,
  side: Side,
  limits: {
    readonly signal: AbortSignal
    readonly milliseconds: number
    permit(): void
    /** Default: everything that acts. */
    only?(service: Service): boolean
  },
): Promise<Fenced> {
  const signal = AbortSignal.any([limits.signal, AbortSignal.timeout(limits.milliseconds)])
  const stopped: Address[] = []
  const unreached: Record<Kind, string> = {}
  const acting = parts.services.filter((service) => service.fence !== undefined && limits.only?.(service) !== false)
  try {
    const place = await parts.open(side, signal)
    // Schedules before jobs: a schedule that fires between the two would start what was just stopped.
    for (const service of place === undefined ? [] : acting) {
      limits.permit()
      try {
        if (place !== undefined) stopped.push(...((await service.fence?.(place, { signal })) ?? []))
      } catch (thrown) {
        unreached[service.kind] = reasonOf(thrown, limits.signal)
      }
    }
  } catch (thrown) {
    const reason = reasonOf(thrown, limits.signal)
    for (const service of acting) unreached[service.kind] = reason
  }
  return { complete: Object.keys(unreached).length === 0, stopped, unreached }
}

/** The reason of a failure that is to be recorded; what ends the whole act is thrown on. */
function reasonOf(thrown: unknown, ending: AbortSignal): string {
  if (ending.aborted) throw ending.reason
  if (isFault(thrown, 'run/fenced')) throw thrown
  if (thrown instanceof Error && (thrown.name === 'TimeoutError' || thrown.name === 'AbortError'))
    return 'it did not answer in time'
  return faultOf(thrown).message
}
