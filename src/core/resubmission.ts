import { digestOf } from './canonical.ts'
import { type Address, type Item, type Json, type JsonObject, segmentsOf } from './model.ts'
import type { Resubmit } from './policy.ts'

/** What the choice of jobs stands on. */
export interface ResubmissionRules {
  /** Id of the failover: letters, digits and hyphens. */
  readonly failover: string
  /** Whether what a job needs is verified in the standby. */
  verified(need: Address): boolean
  /** The policy's rule for a job, where it has one. The job's own tag outranks it. */
  rule(job: Address): Resubmit | undefined
  /** Where a job goes on without tag and rule. */
  readonly otherwise: Resubmit
  /** Whether both sides write to the same storage through this datastore: then the old job may still be writing. */
  shared(datastore: string): boolean
  /** Leads references to where mapped items stand. */
  renamed?(job: Item): JsonObject
  /** True: it is submitted on the side on which it was under way. What is to wait for that side has come to it. */
  readonly home?: boolean
}

/** What becomes of one job that was under way. Jobs that had ended, and parts of other jobs, are no candidates. */
export type JobChoice = { readonly address: Address; readonly name: string; readonly reason: string } & (
  | {
      readonly do: 'submit'
      /** Follows from the job and the failover, so that a second attempt finds the first. */
      readonly newName: string
      /** Portable. What a PUT takes. */
      readonly body: JsonObject
      readonly outputs: readonly MovedOutput[]
    }
  /** It goes on when its own side is back. */
  | { readonly do: 'wait' }
  | { readonly do: 'leave' }
  /** It would run on inputs that are not the source's. */
  | { readonly do: 'block'; readonly missing: readonly Address[] }
)

/** An output that lies in a datastore, and where the new job has it. A checkpoint, where there is one, belongs there. */
export interface MovedOutput {
  readonly output: string
  readonly from: string
  readonly to: string
}

/** The tag by which a job says where it goes on: `secondary`, `primary` or `never`. */
export const RESUBMIT_TAG = 'holdfast.resubmit'
/** On the new job: the old one's name. */
export const ORIGIN_TAG = 'holdfast.resubmission-of'
/** On the new job: the failover. */
export const FAILOVER_TAG = 'holdfast.failover'

/** Status of jobs whose work is still to be done, as Azure spells them. One whose cancellation was asked for is not. */
const OPEN = new Set([
  'notstarted',
  'starting',
  'scheduled',
  'provisioning',
  'preparing',
  'queued',
  'running',
  'finalizing',
])

/** Jobs take names of at most 255 letters, digits, hyphens and underscores (Azure's `jobs_create_or_update`). */
const LONGEST_NAME = 255

/** What only Azure writes, or what names the old run. A PUT refuses it or would carry it on wrongly. */
const NOT_SUBMITTED = new Set([
  'status',
  'services',
  'provisioningState',
  'parentJobName',
  'isArchived',
  'jobId',
  'creationContext',
])

/** Properties by which the platform describes a run of its own. */
const PLATFORM =
  /^(?:_azureml\.|azureml\.|mlflow\.|ContentSnapshotId$|ProcessInfoFile$|ProcessStatusFile$|StatusLoggerName$)/

/**
 * Chooses what happens to each job that was last seen queued or running.
 *
 * The same jobs and rules give the same names and bodies: whoever carries a failover on submits nothing twice.
 */
export function chooseJobs(jobs: Iterable<Item>, rules: ResubmissionRules): readonly JobChoice[] {
  return [...jobs]
    .filter(isCandidate)
    .sort((one, other) => (one.address < other.address ? -1 : 1))
    .map((job) => choice(job, rules))
}

/** Whether a job had work to do when it was last seen, and is a whole job and not a part of one. */
export function isCandidate(job: Item): boolean {
  const { status } = objectAt(job.body, 'properties')
  return typeof status === 'string' && OPEN.has(status.toLowerCase()) && !isPart(job)
}

/** Whether a job came with another: a step of a pipeline, a trial of a sweep. */
export function isPart({ body }: Item): boolean {
  return typeof objectAt(body, 'properties')['parentJobName'] === 'string'
}

/** Whether a job came to an end of its own: it was not cancelled. */
export function endedByItself({ body }: Item): boolean {
  const { status } = objectAt(body, 'properties')
  return typeof status === 'string' && ['completed', 'failed'].includes(status.toLowerCase())
}

/** Whether somebody cancelled a job, or has asked for it. */
export function isCancelled({ body }: Item): boolean {
  const { status } = objectAt(body, 'properties')
  return typeof status === 'string' && ['canceled', 'cancelrequested'].includes(status.toLowerCase())
}

/** The name of the job that takes another's place. */
export function resubmittedName(name: string, failover: string): string {
  const whole = `${name}-${failover}`
  if (whole.length <= LONGEST_NAME) return whole
  const mark = digestOf(name).slice(0, 12)
  return `${name.slice(0, LONGEST_NAME - failover.length - mark.length - 2)}-${mark}-${failover}`
}

function choice(job: Item, rules: ResubmissionRules): JobChoice {
  const { address } = job
  const name = segmentsOf(address)[0] ?? ''
  const { where, by } = wish(job, rules)
  if (where === 'primary' && rules.home !== true)
    return { address, name, do: 'wait', reason: `It waits for its own side, by ${by}` }
  if (where === 'never') return { address, name, do: 'leave', reason: `It is not resubmitted, by ${by}` }
  const missing = job.needs.filter((need) => need !== address && !rules.verified(need))
  if (missing.length > 0) {
    const reason = `It needs ${missing.join(', ')}, which the standby does not have as the source had it`
    return { address, name, do: 'block', missing, reason }
  }
  const newName = resubmittedName(name, rules.failover)
  const { body, outputs } = rewritten(job, name, rules)
  const reason = `It goes on as ${newName}, by ${by}${beginningAnew(outputs)}`
  return { address, name, do: 'submit', newName, body, outputs, reason }
}

/** Where nothing puts a checkpoint: what the old job has written is not the standby's. */
function beginningAnew(outputs: readonly MovedOutput[]): string {
  const left = outputs.flatMap(({ from, to }) => (from === to ? [] : [from.replace(/^.*?(?=datastores\/)/i, '')]))
  if (left.length === 0) return ''
  return `. In storage that both sides share its outputs begin empty; what it had written stays at ${left.join(', ')}`
}

function wish({ address, body }: Item, rules: ResubmissionRules): { readonly where: Resubmit; readonly by: string } {
  const tag = objectAt(objectAt(body, 'properties'), 'tags')[RESUBMIT_TAG]
  if (tag === 'secondary' || tag === 'primary' || tag === 'never') return { where: tag, by: `its tag ${RESUBMIT_TAG}` }
  // Somebody wanted something of this job that cannot be read. Running it may be what was to be prevented.
  if (tag !== undefined) return { where: 'never', by: `its tag ${RESUBMIT_TAG}, whose value is not known` }
  const rule = rules.rule(address)
  return rule === undefined ? { where: rules.otherwise, by: 'default' } : { where: rule, by: 'a rule of the policy' }
}

function rewritten(
  job: Item,
  name: string,
  rules: ResubmissionRules,
): { readonly body: JsonObject; readonly outputs: readonly MovedOutput[] } {
  const body = rules.renamed?.(job) ?? job.body
  const before = objectAt(body, 'properties')
  const kept = Object.entries(before).filter(([field]) => !NOT_SUBMITTED.has(field))
  const platformless = Object.entries(objectAt(before, 'properties')).filter(([field]) => !PLATFORM.test(field))
  const tags = { ...objectAt(before, 'tags'), [ORIGIN_TAG]: name, [FAILOVER_TAG]: rules.failover }
  const properties: Record<string, Json> = { ...Object.fromEntries(kept), tags }
  if ('properties' in before) properties['properties'] = Object.fromEntries(platformless)
  const moved = movedOutputs(before, rules)
  if ('outputs' in before) properties['outputs'] = moved.outputs
  return { body: { ...body, properties }, outputs: moved.list }
}

const IN_DATASTORE = /^azureml:\/\/(?:.+\/)?datastores\/([^/]+)\/paths\/(.*)$/i

/**
 * Outputs stay at their path, where the standby has what was replicated. In storage that both sides share they get a
 * prefix of their own, since nobody can stop the old job from writing there. The default output, which holds the
 * logs of one run, is left out: the new run gets its own.
 */
function movedOutputs(
  properties: JsonObject,
  rules: ResubmissionRules,
): { readonly outputs: JsonObject; readonly list: readonly MovedOutput[] } {
  const list: MovedOutput[] = []
  const outputs: [string, Json][] = []
  for (const [output, value] of Object.entries(objectAt(properties, 'outputs'))) {
    if (output === 'default') continue
    const { uri } = objectIn(value)
    const [, datastore, path] = typeof uri === 'string' ? (IN_DATASTORE.exec(uri) ?? []) : []
    if (typeof uri !== 'string' || datastore === undefined || path === undefined) {
      outputs.push([output, value])
      continue
    }
    // An expression may be written with spaces.
    const to = rules.shared(datastore.replace(/\s/g, ''))
      ? `${uri.replace(/\/$/, '')}/holdfast-${rules.failover}/`
      : uri
    list.push({ output, from: uri, to })
    outputs.push([output, { ...objectIn(value), uri: to }])
  }
  return { outputs: Object.fromEntries(outputs), list }
}

function objectAt(object: JsonObject, field: string): JsonObject {
  return objectIn(object[field] ?? null)
}

function objectIn(value: Json): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}
