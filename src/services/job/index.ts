import type { Arm, Body } from '../../azure/arm.ts'
import { Fault, isFault } from '../../core/errors.ts'
import { type Address, address, type Item, type JsonObject, segmentsOf } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import { ML_API, portableBody, textOf } from '../arm-body.ts'
import { referencesIn, renamedIn } from '../references.ts'
import type { Place, Reach, Service } from '../service.ts'
import { stopEach } from '../stop-each.ts'
import { isChild, isOpen, JOB_SCHEMA } from './schema.ts'

/** Cancellations that are under way at once. */
const CANCELS_AT_ONCE = 8

/** Jobs: observed as a whole and never converged, since a PUT would run them. See ./readme.md. */
export function jobs(arm: Arm): Service {
  async function* list(place: Place, { signal }: Reach): AsyncIterable<Item> {
    for await (const found of allJobs(arm, place, signal)) yield itemOf(place, found)
  }

  async function read(place: Place, of: Address, { signal }: Reach): Promise<Item | undefined> {
    const found = await arm.get(pathOf(place, segmentsOf(of)[0] ?? ''), { signal, apiVersion: ML_API })
    return found === undefined ? undefined : itemOf(place, found)
  }

  async function converge(_place: Place, wanted: Item): Promise<Item> {
    throw new Fault('plan/conflict', `${wanted.address} cannot be converged: a PUT on a job would run it`, {
      hint: 'Resubmit it under a name of its own.',
    })
  }

  function fence(place: Place, { signal }: Reach): Promise<readonly Address[]> {
    const stop = (job: Body) => cancel(place, job, signal)
    return stopEach(openJobs(arm, place, signal), { width: CANCELS_AT_ONCE, signal, stop })
  }

  async function cancel(place: Place, job: Body, signal: AbortSignal): Promise<Address> {
    const name = nameOf(job)
    try {
      await arm.post(`${pathOf(place, name)}/cancel`, undefined, { signal, apiVersion: ML_API })
    } catch (thrown) {
      // It may have ended by itself since it was listed.
      const now = await arm.get(pathOf(place, name), { signal, apiVersion: ML_API })
      if (!isFault(thrown, 'azure/refused', 'azure/changed') || (now !== undefined && isOpen(now))) throw thrown
    }
    return address('job', name)
  }

  return {
    kind: 'job',
    needs: [],
    can: { converge: false, update: false, remove: false, acts: true, ordered: false },
    list,
    read,
    references: referencesIn,
    renamed: renamedIn,
    open: isOpen,
    converge,
    remove: (place, of, { signal }) =>
      arm.delete(pathOf(place, segmentsOf(of)[0] ?? ''), { signal, apiVersion: ML_API }),
    fence,
  }
}

/** Submits a job: makes it stand under its name, once, whatever happens in between. Returns it as it stands. */
export type Submit = (place: Place, name: string, body: JsonObject, reach: Reach) => Promise<Item>

/**
 * Submission by name. A PUT is sent once; after an answer that nobody got, a GET by name says whether it
 * arrived, and only where it did not it is sent again. `body` is portable.
 */
export function submission(arm: Arm): Submit {
  return async (place, name, body, { signal }) => {
    const path = pathOf(place, name)
    const there = await arm.get(path, { signal, apiVersion: ML_API })
    if (there !== undefined) return itemOf(place, there)
    const local = place.local(body)
    try {
      return itemOf(place, await arm.put(path, local, { signal, apiVersion: ML_API, once: true }))
    } catch (thrown) {
      if (!isFault(thrown, 'azure/unreachable')) throw thrown
      const arrived = await arm.get(path, { signal, apiVersion: ML_API })
      if (arrived !== undefined) return itemOf(place, arrived)
      return itemOf(place, await arm.put(path, local, { signal, apiVersion: ML_API, once: true }))
    }
  }
}

/** Every job of a place, the archived ones too. */
export function allJobs(arm: Arm, place: Place, signal: AbortSignal): AsyncIterable<Body> {
  const query = { listViewType: 'All' }
  return arm.pages(`${place.workspace}/jobs`, { signal, apiVersion: ML_API, query })
}

/** Jobs that run or may still run, without those that came with another. */
export async function* openJobs(arm: Arm, place: Place, signal: AbortSignal): AsyncIterable<Body> {
  for await (const job of allJobs(arm, place, signal)) if (isOpen(job) && !isChild(job)) yield job
}

function itemOf(place: Place, resource: Body): Item {
  const body = portableBody(place, resource, JOB_SCHEMA)
  return item(address('job', nameOf(resource)), body, referencesIn(body))
}

function pathOf(place: Place, name: string): string {
  return `${place.workspace}/jobs/${encodeURIComponent(name)}`
}

function nameOf(resource: Body): string {
  return textOf(resource['name']) ?? ''
}
