import { type Address, address, type Item, type Json, type JsonObject, kindOf, type Side } from '../core/model.ts'
import type { Resubmit } from '../core/policy.ts'
import { filledIn } from '../core/portable.ts'
import { chooseJobs, isCancelled, isCandidate, type JobChoice } from '../core/resubmission.ts'
import { item } from '../core/snapshot.ts'
import { ledForm } from '../core/standing.ts'
import type { Place, Reach } from '../services/service.ts'
import { mappingOf } from './carry.ts'
import { insist } from './insist.ts'
import { type Parts, serviceOf } from './parts.ts'
import type { Failing } from './phase-acts.ts'
import { NO_REPLICA } from './reckon.ts'
import { conflictsOf } from './roles.ts'

/** What resubmission may do to the world; handed in, because only a job's own kind knows how. */
export interface Resubmitting {
  /** Makes a job stand under its name, once, whatever happens in between. */
  submit(place: Place, name: string, body: JsonObject, reach: Reach): Promise<Item>
  /** Puts the last consistent checkpoint of an output at a prefix. `undefined` where there is none. */
  placeCheckpoint(
    place: Place,
    request: { readonly job: string; readonly output: string; readonly prefix: string; readonly signal: AbortSignal },
  ): Promise<{ readonly files: number } | undefined>
  /** Closes the replica of an interrupted run and links it to the run that goes on. */
  closeRun(
    place: Place,
    run: { readonly id: string; readonly successor: string; readonly failover: string },
    signal: AbortSignal,
  ): Promise<void>
  /** Datastores behind which both sides have the same storage. */
  sharedDatastores(place: Place, signal: AbortSignal): Promise<ReadonlySet<string>>
  rule(job: Address): Resubmit | undefined
  readonly otherwise: Resubmit
}

type Submission = Extract<JobChoice, { do: 'submit' }>

/** What became of one job, for the report. */
export interface Resubmitted {
  readonly job: string
  readonly is: 'submitted' | 'waits' | 'left' | 'blocked' | 'failed'
  readonly as?: string
  readonly reason: string
  /** Outputs that begin with a checkpoint. */
  readonly checkpoints?: readonly string[]
  /** Why the run of the interrupted job stays open, where it could not be closed. */
  readonly unclosed?: string
}

/**
 * Resubmits the jobs that were under way, each once.
 *
 * Names and bodies are in the journal before the first is sent; whoever carries the failover on reads them there,
 * and a name that stands already is not sent again.
 *
 * @throws Fault where the side itself does not answer; to be called again then
 */
export function resubmit(failing: Failing): Promise<JsonObject> {
  return goOn(failing, (place) => jobChoices(failing, place))
}

/**
 * Submits the jobs again, on the side on which they ran, that a switchover has cancelled before it turned back. What
 * was not cancelled after all goes on by itself, and what ended by itself has ended.
 */
export function submitBack(failing: Failing): Promise<JsonObject> {
  const home = { ...failing, to: failing.from }
  return goOn(home, (place) => choicesAtHome(home, place))
}

type Choose = (place: Place) => Promise<readonly JobChoice[]>

async function goOn(failing: Failing, choose: Choose): Promise<JsonObject> {
  const { parts, to, tenure, id, signal } = failing
  const place = await parts.open(to, signal)
  if (place === undefined) return { jobs: [] }
  const choices = await plannedChoices(failing, () => choose(place))
  const jobs: Resubmitted[] = []
  for (const choice of choices) {
    if (choice.do === 'submit') jobs.push(await submitOne(failing, place, choice))
    else jobs.push({ job: choice.name, is: STANDS[choice.do], reason: choice.reason })
  }
  // What failed may stand all the same, or may stand now: it is asked for by name, so nothing is sent twice.
  for (const [index, choice] of choices.entries()) {
    if (choice.do === 'submit' && jobs[index]?.is === 'failed') jobs[index] = await submitOne(failing, place, choice)
  }
  await tenure.append(id, { type: 'resubmit/done', body: { id, jobs: jobs.map((job) => ({ ...job })) } })
  return { jobs: jobs.map((job) => ({ ...job })) }
}

const STANDS = { wait: 'waits', leave: 'left', block: 'blocked' } as const

/** The choice as the journal has it, or made now and written there first. */
async function plannedChoices(
  failing: Failing,
  choose: () => Promise<readonly JobChoice[]>,
): Promise<readonly JobChoice[]> {
  const { parts, id, tenure } = failing
  for await (const { type, body } of parts.store.read(parts.protection, { run: id })) {
    if (type === 'resubmit/planned') return body['choices'] as unknown as readonly JobChoice[]
  }
  const choices = await choose()
  await tenure.append(id, { type: 'resubmit/planned', body: { id, choices: choices as unknown as readonly Json[] } })
  return choices
}

/** What is needed to choose. */
export type Choosing = Pick<Failing, 'parts' | 'id' | 'from' | 'signal' | 'sharedDatastores' | 'rule' | 'otherwise'>

/** What is to become of each job that was under way, as the ledger knows them. Nothing is done. */
export async function jobChoices(choosing: Choosing, place: Place): Promise<readonly JobChoice[]> {
  const { parts, id, from, signal, rule, otherwise } = choosing
  const shared = await choosing.sharedDatastores(place, signal)
  const mapped = await mappingOf(parts, from)
  // Of these each side has its own, and the ledger what both had before.
  const conflicts = await conflictsOf(parts)
  return chooseJobs(lastSeen(parts, from), {
    failover: id,
    verified: (need) => conflicts[need] === undefined && isVerified(parts, need),
    rule,
    otherwise,
    shared: (datastore) => shared.has(datastore),
    renamed: (job) => ledForm(job, serviceOf(parts.services, kindOf(job.address)), mapped).body,
  })
}

/** What a job needs is where it ran. */
async function choicesAtHome(failing: Failing, place: Place): Promise<readonly JobChoice[]> {
  const { parts, id, from, signal, rule, otherwise } = failing
  const shared = await failing.sharedDatastores(place, signal)
  const cancelled: Item[] = []
  for (const job of lastSeen(parts, from)) {
    if (!isCandidate(job)) continue
    const now = await serviceOf(parts.services, kindOf(job.address))?.read(place, job.address, { signal })
    if (now !== undefined && isCancelled(now)) cancelled.push(job)
  }
  return chooseJobs(cancelled, {
    failover: id,
    home: true,
    verified: () => true,
    rule,
    otherwise,
    shared: (datastore) => shared.has(datastore),
  })
}

/**
 * Jobs of a side as the ledger kept them: kinds that act and can never be converged. What it has of the other side, from
 * before that was left, has gone on already.
 */
function* lastSeen(parts: Parts, from: Side): Iterable<Item> {
  for (const service of parts.services) {
    if (service.can.converge || service.fence === undefined) continue
    for (const { address, source, kept } of parts.ledger.entries(parts.protection, service.kind)) {
      if (kept !== undefined && source === from) yield item(address, kept, service.references(kept))
    }
  }
}

function isVerified(parts: Parts, need: Address): boolean {
  const entry = parts.ledger.get(parts.protection, need)
  return entry !== undefined && entry.replicaDigest !== NO_REPLICA
}

/** A job that cannot be resubmitted is named; the others must not wait for it. */
async function submitOne(failing: Failing, place: Place, choice: Submission): Promise<Resubmitted> {
  const { signal } = failing
  const { name, newName, reason } = choice
  const answers = () => failing.sharedDatastores(place, signal)
  const done = await insist(() => goOnAs(failing, place, choice), { answers, signal })
  if ('failed' in done) return { job: name, is: 'failed', as: newName, reason: done.failed.message }
  return { job: name, is: 'submitted', as: newName, reason, ...done.value }
}

/** Makes a job go on under its new name, and closes its old run, without which it goes on all the same. */
async function goOnAs(
  failing: Failing,
  place: Place,
  choice: Submission,
): Promise<Pick<Resubmitted, 'checkpoints' | 'unclosed'>> {
  const { id, signal } = failing
  const { name, newName, body } = choice
  const permit = () => failing.tenure.demand(failing.callMilliseconds)
  const checkpoints = await withCheckpoints(failing, place, choice)
  permit()
  await failing.submit(place, newName, body, { signal })
  const answers = () => failing.sharedDatastores(place, signal)
  const close = () => {
    permit()
    return failing.closeRun(place, { id: name, successor: newName, failover: id }, signal)
  }
  const closed = await insist(close, { answers, signal })
  return { checkpoints, ...('failed' in closed ? { unclosed: closed.failed.message } : {}) }
}

/**
 * Lets the outputs of a job begin with the last checkpoints of the old one, and says which do. A job that stands already
 * may have written more by now, and nothing is put over that.
 */
async function withCheckpoints(failing: Failing, place: Place, choice: Submission): Promise<readonly string[]> {
  const { tenure, id, signal, callMilliseconds } = failing
  const outputs = outputsOf(choice)
  if (outputs.length === 0) return []
  if (await isStanding(failing, place, choice)) return placedBefore(failing, choice)
  const { name: job, newName: as } = choice
  const checkpoints: string[] = []
  for (const [output, prefix] of outputs) {
    tenure.demand(callMilliseconds)
    const placed = await failing.placeCheckpoint(place, { job, output, prefix, signal })
    if (placed !== undefined) checkpoints.push(output)
  }
  await tenure.append(id, { type: 'resubmit/placed', body: { id, job, as, checkpoints } })
  return checkpoints
}

async function isStanding({ parts, signal }: Failing, place: Place, choice: Submission): Promise<boolean> {
  const kind = kindOf(choice.address)
  const of = address(kind, choice.newName)
  return (await serviceOf(parts.services, kind)?.read(place, of, { signal, as: 'target' })) !== undefined
}

/** What was placed before the job was submitted, as the journal has it. */
async function placedBefore({ parts, id }: Failing, { newName }: Submission): Promise<readonly string[]> {
  let checkpoints: readonly string[] = []
  for await (const { body } of parts.store.read(parts.protection, { run: id, typed: 'resubmit/placed' }))
    if (body['as'] === newName) checkpoints = body['checkpoints'] as readonly string[]
  return checkpoints
}

/** Each output with the prefix at which the new job has it: its path in the datastore, or where Azure puts it by itself. */
function outputsOf({ newName, outputs, body }: Submission): readonly (readonly [output: string, prefix: string])[] {
  const moved = new Map(outputs.map(({ output, to }) => [output, to]))
  const names = Object.keys(objectIn(objectIn(body['properties'])['outputs']))
  return names.map((output) => {
    const written = moved.get(output)?.replace(/^.*\/paths\//, '')
    const path = written === undefined ? undefined : filledIn(written, { name: newName, output_name: output })
    return [output, path === undefined ? `azureml/${newName}/${output}/` : `${path.replace(/\/+$/, '')}/`] as const
  })
}

function objectIn(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}
