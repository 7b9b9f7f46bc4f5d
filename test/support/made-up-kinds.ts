import { Fault } from '../../src/core/errors.ts'
import type { Address, Item, JsonObject, Kind } from '../../src/core/model.ts'
import { item } from '../../src/core/snapshot.ts'
import type { Capabilities, Carriage, Converged, Place, Service } from '../../src/services/service.ts'
import { type Call, type FakeSide, needsOf } from './two-sides.ts'

/** How a made-up service reaches the two sides, and what may befall each call. */
export interface Access {
  sideOf(place: Place): FakeSide
  /** Does `work` on a side as one call: it may fail before, be cut off before or after, or go unanswered. */
  call<T>(
    call: Omit<Call, 'by'>,
    signal: AbortSignal,
    work: () => { readonly value: T; readonly changed: boolean },
  ): Promise<T>
}

const CAN: Capabilities = { converge: true, update: true, remove: true, acts: false, ordered: false }

type Traits = Partial<Service> & { readonly kind: Kind }

/** One kind for each way in which kinds differ, in the order in which they need each other. */
export function madeUpKinds(access: Access): readonly Service[] {
  return [
    kind(access, { kind: 'datum', observed: (one) => one['attached'] === true }),
    kind(access, { kind: 'blob', aside: (one, mark) => item(`${one.address}.${mark}`, one.body) }),
    kind(access, {
      kind: 'asset',
      needs: ['datum'],
      can: { ...CAN, ordered: true },
      frozen: (body) => ({ value: body['value'] ?? null }),
      archived: (body) => ({ ...body, archived: true }),
    }),
    kind(access, {
      kind: 'schedule',
      needs: ['asset'],
      can: { ...CAN, acts: true },
      parked: standingBy,
      fence: (place, { signal }) =>
        stopAll(access, place, signal, { kind: 'schedule', acts: isLive, stopped: standingBy }),
    }),
    kind(access, {
      kind: 'job',
      can: { converge: false, update: false, remove: false, acts: true, ordered: false },
      open: isUnderWay,
      converge: () => Promise.reject(new Error('a job was converged, which would run it')),
      remove: () => Promise.reject(new Error('a job was removed')),
      fence: (place, { signal }) =>
        stopAll(access, place, signal, { kind: 'job', acts: isUnderWay, stopped: cancelled }),
    }),
    kind(access, { kind: 'trail', needs: ['datum'], open: isGrowing, ...growing(access) }),
  ]
}

function kind(access: Access, traits: Traits): Service {
  return { needs: [], can: CAN, references: needsOf, ...plain(access, traits), ...traits }
}

function plain(access: Access, { kind: name, frozen }: Traits): Pick<Service, 'list' | 'read' | 'converge' | 'remove'> {
  return {
    list: async function* (place, { signal }) {
      const there = access.sideOf(place)
      const work = () => ({ value: there.items(name), changed: false })
      const items = await access.call({ side: there.side, act: 'list', of: name }, signal, work)
      const whole = !there.broken.has(name)
      yield* whole ? items : items.slice(0, items.length / 2)
      if (!whole) throw new Fault('observe/incomplete', `the list of ${name} broke off`)
    },
    read: async (place, of) => {
      const there = access.sideOf(place)
      there.demandUp()
      return there.items().find((one) => one.address === of)
    },
    converge: async (place, wanted, { signal }) => {
      const there = access.sideOf(place)
      const stands = there.get(wanted.address)
      if (stands !== undefined && frozen !== undefined && different(frozen(stands), frozen(wanted.body)))
        throw new Fault('sync/conflict', `${wanted.address} stands with other content`)
      return put(access, there, wanted, signal)
    },
    remove: (place, of, { signal }) => {
      const there = access.sideOf(place)
      return access.call({ side: there.side, act: 'remove', of }, signal, () => {
        const changed = there.get(of) !== undefined
        there.drop(of)
        return { value: undefined, changed }
      })
    },
  }
}

function put(access: Access, there: FakeSide, wanted: Item, signal: AbortSignal): Promise<Item> {
  const { address, body, needs } = wanted
  return access.call({ side: there.side, act: 'converge', of: address }, signal, () => {
    const changed = different(there.get(address), body)
    if (changed) there.put(address, body)
    return { value: item(address, body, needs), changed }
  })
}

/**
 * Something that is written to line by line: it is carried as it is when its turn comes, and merged line by line.
 * It is made open and empty first, as a run is, and a process may die before it is whole.
 */
function growing(access: Access): Pick<Service, 'converge' | 'mergeInto'> {
  async function latest(wanted: Item, { source }: Carriage): Promise<Converged> {
    const from = access.sideOf(source)
    from.demandUp()
    const observedAt = source.now?.() ?? 0
    const body = from.get(wanted.address)
    return body === undefined || !different(body, wanted.body) ? wanted : { ...item(wanted.address, body), observedAt }
  }
  const begin = (there: FakeSide, { address }: Item, signal: AbortSignal) =>
    access.call({ side: there.side, act: 'converge', of: `${address} begun` }, signal, () => {
      there.put(address, body.trail(true))
      return { value: undefined, changed: true }
    })
  return {
    converge: async (place, wanted, carriage) => {
      const found = await latest(wanted, carriage)
      const there = access.sideOf(place)
      if (there.get(found.address) === undefined) await begin(there, found, carriage.signal)
      await put(access, there, found, carriage.signal)
      return found
    },
    mergeInto: async (place, theirs, { signal }) => {
      const there = access.sideOf(place)
      const lines = [...new Set([...linesOf(there.get(theirs.address)), ...linesOf(theirs.body)])]
      const merged = item(theirs.address, { ...theirs.body, ...there.get(theirs.address), lines })
      return access.call({ side: there.side, act: 'merge', of: theirs.address }, signal, () => {
        const changed = different(there.get(theirs.address), merged.body)
        if (changed) there.put(theirs.address, merged.body)
        return { value: merged, changed }
      })
    },
  }
}

interface Stopping {
  readonly kind: Kind
  acts(body: JsonObject): boolean
  stopped(body: JsonObject): JsonObject
}

async function stopAll(access: Access, place: Place, signal: AbortSignal, how: Stopping): Promise<readonly Address[]> {
  const there = access.sideOf(place)
  const acting = () => there.items(how.kind).filter(({ body }) => how.acts(body))
  return access.call({ side: there.side, act: 'fence', of: how.kind }, signal, () => {
    const found = acting().map(({ address }) => address)
    for (const { address, body } of acting()) there.put(address, how.stopped(body))
    return { value: found.sort(), changed: found.length > 0 }
  })
}

function isLive(body: JsonObject): boolean {
  return body['live'] === true
}

function standingBy(body: JsonObject): JsonObject {
  return isLive(body) ? { ...body, live: false } : body
}

export function statusOf(body: JsonObject | undefined): string | undefined {
  return (body?.['properties'] as { readonly status?: string } | undefined)?.status
}

function isUnderWay(body: JsonObject): boolean {
  return statusOf(body) === 'Running' || statusOf(body) === 'Queued'
}

function cancelled(body: JsonObject): JsonObject {
  return { ...body, properties: { ...(body['properties'] as JsonObject), status: 'Canceled' } }
}

function isGrowing(body: JsonObject): boolean {
  return body['open'] === true
}

function linesOf(body: JsonObject | undefined): readonly string[] {
  return (body?.['lines'] ?? []) as readonly string[]
}

function different(one: JsonObject | undefined, other: JsonObject): boolean {
  return one === undefined || item('x/x', one).digest !== item('x/x', other).digest
}

/** Bodies of the made-up kinds. */
export const body = {
  datum: (value: number): JsonObject => ({ value }),
  attached: (value: number): JsonObject => ({ value, attached: true }),
  asset: (value: number, ...needs: readonly Address[]): JsonObject => ({ value, needs }),
  schedule: (value: number, ...needs: readonly Address[]): JsonObject => ({ value, live: true, needs }),
  job: (status: string, tags: JsonObject = {}, ...needs: readonly Address[]): JsonObject => ({
    needs,
    properties: { status, tags },
  }),
  trail: (open: boolean, ...lines: readonly string[]): JsonObject => ({ open, lines }),
} as const

/** The same kinds, of which schedules and jobs can be led to where something was mapped. */
export function leading(services: readonly Service[]): readonly Service[] {
  const renamed: Service['renamed'] = (one, renames) => ({
    ...one,
    needs: needsOf(one).map((need) => renames.get(need) ?? need),
  })
  return services.map((service) => (['schedule', 'job'].includes(service.kind) ? { ...service, renamed } : service))
}
