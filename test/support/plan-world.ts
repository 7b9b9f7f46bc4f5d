import { type Kind, kindOf } from '../../src/core/model.ts'
import type { Snapshot } from '../../src/core/snapshot.ts'
import type { KindRules, PlanRules, Step } from '../../src/core/step.ts'

/** A world of made-up kinds in which the tests of core carry out plans. */

const PLAIN = { converge: true, update: true, remove: true, acts: false, ordered: false } as const

/**
 * One kind for each way in which kinds differ: blobs take no change at all, environments have frozen content and
 * versions in order, models can be archived as well, endpoints and schedules act, jobs are only
 * observed, and so are datastores that are attached.
 */
export const WORLD: ReadonlyMap<Kind, KindRules> = new Map(
  (
    [
      { kind: 'blob', needs: [], can: { ...PLAIN, update: false } },
      { kind: 'datastore', needs: [], can: PLAIN, observed: (body) => body['attached'] === true },
      {
        kind: 'environment',
        needs: [],
        can: { ...PLAIN, ordered: true },
        frozen: (body) => ({ value: body['value'] ?? null }),
      },
      {
        kind: 'model',
        needs: ['datastore', 'environment'],
        can: { ...PLAIN, ordered: true },
        frozen: (body) => ({ value: body['value'] ?? null }),
        archived: (body) => ({ ...body, archived: true }),
        renamed: (body, renames) => ({
          ...body,
          needs: (body['needs'] as readonly `${string}/${string}`[]).map((need) => renames.get(need) ?? need),
        }),
      },
      {
        kind: 'endpoint',
        needs: ['model'],
        can: { ...PLAIN, acts: true },
        parked: (body, mode) => (mode === 'hot/hot' ? body : { ...body, live: false }),
      },
      { kind: 'schedule', needs: [], can: { ...PLAIN, acts: true }, parked: (body) => ({ ...body, live: false }) },
      { kind: 'job', needs: [], can: { ...PLAIN, converge: false } },
    ] satisfies readonly KindRules[]
  ).map((rules) => [rules.kind, rules]),
)

export function rulesWith(more: Partial<PlanRules> = {}): PlanRules {
  return { kind: (kind) => WORLD.get(kind), role: 'standby', mode: () => 'hot/warm', conflict: 'refuse', ...more }
}

/** The snapshot after some steps were carried out. */
export function applied(steps: readonly Step[], found: Snapshot): Snapshot {
  let now = found
  for (const step of steps) now = step.do === 'remove' ? now.without([step.address]) : now.with([step.item])
  return now
}

/** What stands without something it needs. Jobs are not carried, so needing one counts for nothing. */
export function dangling(now: Snapshot): readonly string[] {
  return [...now.items()].flatMap((one) =>
    one.needs.filter((need) => kindOf(need) !== 'job' && !now.has(need)).map((need) => `${one.address} lacks ${need}`),
  )
}
