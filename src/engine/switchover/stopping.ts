import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../../core/errors.ts'
import { type Address, type Item, type JsonObject, kindOf, segmentsOf } from '../../core/model.ts'
import type { FailoverState } from '../../core/phases.ts'
import { endedByItself, isPart } from '../../core/resubmission.ts'
import type { Place, Service } from '../../services/service.ts'
import { fence } from '../fence.ts'
import type { Failing } from '../phase-acts.ts'
import { pass } from '../sync.ts'
import { takeUpWords } from '../words.ts'
import { demandEqual } from './equal.ts'

/** Time between two looks at jobs that are waited for. */
const LOOK_MILLISECONDS = 2000
/** Longest that jobs take to end which were told to. */
const CANCELLING_MILLISECONDS = 300_000
/** Longest that switching off and cancelling takes, however much there is of it. */
const STOPPING_MILLISECONDS = 600_000
const NAMED = 5

/** What starts work by itself and can be switched off and on again: schedules. */
export function fires(service: Service): boolean {
  return service.fence !== undefined && service.can.converge
}

/** What is work itself, and cannot be made again but by running it: jobs. */
export function runs(service: Service): boolean {
  return service.fence !== undefined && !service.can.converge
}

/** Once it is switched off it looks as if it had never been on. */
export function unreadFiring(service: Service): string | undefined {
  return fires(service) ? 'it was read before it was switched off' : undefined
}

/** Reads everything a last time while all of it acts, and then switches off what starts work by itself. */
export async function quiesce(failing: Failing): Promise<JsonObject> {
  const { parts, tenure, id } = failing
  if (!(await has(failing, 'quiesce/begun'))) {
    demandEqual(await passOf(failing), { parts, but: () => false, stepsToo: false })
    await tenure.append(id, { type: 'quiesce/begun', body: { id } })
  }
  return { stopped: await stopped(failing, fires) }
}

/** Waits until no job is under way, or not at all where they are to be submitted again; then carries what is left. */
export async function settle(failing: Failing, { begun }: FailoverState): Promise<JsonObject> {
  const { parts, signal } = failing
  const resubmits = begun['jobs'] === 'resubmit'
  let open = await openJobs(failing)
  if (!resubmits && open.length > 0) parts.progress.phase(`waiting for ${named(open)}`)
  while (!resubmits && open.length > 0) {
    if (parts.now() >= Number(begun['waitUntil'])) throw stillRunning(open)
    // Nobody else listens while this waits.
    await takeUpWords(parts, failing.tenure)
    if (await has(failing, 'failover/turned-back')) throw new Fault('failover/refused', 'A person wants it back')
    await sleep(LOOK_MILLISECONDS, undefined, { signal })
    open = await openJobs(failing)
  }
  const done = await passOf(failing, unreadFiring)
  demandEqual(done, { parts, but: fires, stepsToo: false })
  return { waitedFor: !resubmits, open: open.map(({ address }) => address), carried: done.plan.steps.length }
}

/** Cancels what still runs, after it was read a last time, and waits until it has ended. */
export async function stop(failing: Failing): Promise<JsonObject> {
  const { tenure, id } = failing
  if (!(await has(failing, 'stop/begun'))) {
    await passOf(failing, unreadFiring)
    await tenure.append(id, { type: 'stop/begun', body: { id } })
  }
  const cancelled = await stopped(failing, runs)
  const until = Date.now() + CANCELLING_MILLISECONDS
  for (let open = await openJobs(failing); open.length > 0; open = await openJobs(failing)) {
    if (Date.now() >= until) throw stillRunning(open)
    await sleep(LOOK_MILLISECONDS, undefined, { signal: failing.signal })
  }
  return { cancelled, endedBefore: await noteEnds(failing) }
}

/** Jobs of the side that is left which run or wait to run; parts of others are not counted. */
export async function openJobs({ parts, from, signal }: Pick<Failing, 'parts' | 'from' | 'signal'>): Promise<Item[]> {
  const place = await parts.open(from, signal)
  const found: Item[] = []
  for (const service of place === undefined ? [] : parts.services.filter(runs)) {
    for await (const item of service.list(place as Place, { signal }))
      if (service.open?.(item.body) === true && !isPart(item)) found.push(item)
  }
  return found
}

export function passOf(failing: Failing, unread?: (service: Service) => string | undefined) {
  const { parts, tenure, carrying, from, signal, callMilliseconds } = failing
  const given = { parts, tenure, active: from, carrying, signal, callMilliseconds }
  return pass(unread === undefined ? given : { ...given, unread })
}

async function stopped(failing: Failing, only: (service: Service) => boolean): Promise<readonly Address[]> {
  const { parts, from, tenure, signal, callMilliseconds } = failing
  const permit = () => tenure.demand(callMilliseconds)
  const limits = { signal, milliseconds: STOPPING_MILLISECONDS, permit, only }
  const fenced = await fence(parts, from, limits)
  if (fenced.complete) return fenced.stopped
  throw new Fault(
    'azure/unreachable',
    `The ${from} could not be stopped: ${Object.values(fenced.unreached).join('; ')}`,
    {
      hint: 'Nothing was moved; run it again when it answers.',
    },
  )
}

/**
 * Brings the ledger up to date with how each job ended. One that ended by itself before it could be cancelled is not
 * submitted again; one that was cancelled is, as it was when it was read last.
 */
async function noteEnds({ parts, from, tenure, signal }: Failing): Promise<readonly Address[]> {
  const place = await parts.open(from, signal)
  const ended: Address[] = []
  for (const service of place === undefined ? [] : parts.services.filter(runs)) {
    for (const entry of [...parts.ledger.entries(parts.protection, service.kind)]) {
      if (entry.kept === undefined || service.open?.(entry.kept) !== true) continue
      const now = await service.read(place as Place, entry.address, { signal })
      if (now === undefined) continue
      const byItself = endedByItself(now)
      if (byItself) ended.push(entry.address)
      const kept = byItself ? now.body : entry.kept
      const known = { ...entry, kept, sourceDigest: now.digest, replicaDigest: now.digest }
      await parts.ledger.put(parts.protection, [known], tenure.lease)
    }
  }
  return ended
}

export async function has({ parts, id }: Pick<Failing, 'parts' | 'id'>, type: string): Promise<boolean> {
  for await (const record of parts.store.read(parts.protection, { run: id })) if (record.type === type) return true
  return false
}

function stillRunning(open: readonly Item[]): Fault {
  const one = open.length === 1
  return new Fault('failover/refused', `${named(open)} ${one ? 'is' : 'are'} still under way`, {
    facts: { jobs: open.length },
    hint: 'Wait longer with --wait, or let jobs be cancelled and submitted again with --jobs resubmit.',
  })
}

/** Jobs by their names, as a person counts them. */
export function named(jobs: readonly Item[]): string {
  const names = jobs.map(({ address }) => segmentsOf(address).join('/'))
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : ''
  return `${kindOf(jobs[0]?.address ?? 'job/')} ${names.slice(0, NAMED).join(', ')}${more}`
}
