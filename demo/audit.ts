import { createHash } from 'node:crypto'
import type { Cloud } from './cloud.ts'
import { type Acknowledged, type Subject, subjectsOf } from './witness.ts'

/** One side as the auditor knows it. */
export interface AuditedSide {
  readonly workspace: string
  readonly workspaceId: string
  readonly storage: string
  readonly location: string
}

export interface AuditRequest {
  readonly cloud: Cloud
  readonly from: AuditedSide
  readonly to: AuditedSide
  /** The witness of the lost side, up to its loss. */
  readonly lines: readonly Acknowledged[]
  /** Milliseconds since 1970: everything acknowledged until then must be there. */
  readonly recoveryPoint: number
  /** Addresses that the report names as lost, or as kept under another name. */
  readonly named: ReadonlySet<string>
}

export interface Shortcoming {
  readonly subject: string
  readonly why: string
}

export interface Audit {
  /** Subjects compared, by kind. */
  readonly compared: Readonly<Record<string, number>>
  /** Acknowledged at or before the recovery point and missing or different: a broken promise. */
  readonly broken: readonly Shortcoming[]
  /** Acknowledged later, not there and not named: a silent loss. */
  readonly silent: readonly Shortcoming[]
  /** Acknowledged later and not there, but named. */
  readonly named: number
  readonly acknowledgements: number
}

/**
 * Compares what the lost side acknowledged with what the other side has, thing by thing, without asking Holdfast:
 * its witness is the emulator's record, its eyes are plain HTTP.
 */
export async function audit(request: AuditRequest): Promise<Audit> {
  const { lines, from, recoveryPoint, named } = request
  const subjects = subjectsOf(lines, from)
  const compared: Record<string, number> = {}
  const broken: Shortcoming[] = []
  const silent: Shortcoming[] = []
  let accepted = 0
  for (const subject of subjects) {
    const kind = kindOf(subject.name)
    compared[kind] = (compared[kind] ?? 0) + 1
    for (const era of ['before', 'after'] as const) {
      const part = subject.lines.filter((line) => Date.parse(line.at) <= recoveryPoint === (era === 'before'))
      if (part.length === 0) continue
      const why = await shortcoming(request, { name: subject.name, lines: part }, subject)
      if (why === undefined) continue
      if (era === 'before') broken.push({ subject: subject.name, why })
      else if (isNamed(subject.name, named)) accepted += 1
      else silent.push({ subject: subject.name, why })
    }
  }
  return { compared, broken, silent, named: accepted, acknowledgements: lines.length }
}

function kindOf(name: string): string {
  const [first = '', second = ''] = name.split('/')
  return first === 'asset' ? second : first
}

/** What is missing or different of the acknowledged part, or `undefined`. `whole` has what came later too. */
async function shortcoming(request: AuditRequest, part: Subject, whole: Subject): Promise<string | undefined> {
  const [kind] = part.name.split('/')
  if (kind === 'asset') return assetShortcoming(request, part, whole)
  if (kind === 'run') return runShortcoming(request, part)
  if (kind === 'blob') return blobShortcoming(request, part, whole)
  // A job is never made again under its name; its run and its resubmission are looked at elsewhere.
  return undefined
}

async function assetShortcoming(
  { cloud, from, to }: AuditRequest,
  part: Subject,
  whole: Subject,
): Promise<string | undefined> {
  const last = part.lines.at(-1)
  if (last === undefined || last.body === null) return undefined
  const listed = await present(cloud, `${to.workspace}/${part.name.slice('asset/'.length)}`)
  if (last.method === 'DELETE') return undefined
  if (listed === undefined) return 'it is not there'
  // A later write may rightly have replaced what this one said.
  if (whole.lines.at(-1) !== last || last.method !== 'PUT') return undefined
  const sent = JSON.parse(translated(last.body, from, to)) as { properties?: Record<string, unknown> }
  return firstDifference(sent.properties ?? {}, (listed['properties'] ?? {}) as Record<string, unknown>, '')
}

async function present(cloud: Cloud, path: string): Promise<Record<string, unknown> | undefined> {
  try {
    return await cloud.arm('GET', path)
  } catch (thrown) {
    if (/answered 404/.test((thrown as Error).message)) return undefined
    throw thrown
  }
}

/** Fields that stand otherwise on purpose: secrets, and what a standby does not do. */
const NOT_COMPARED = new Set(['credentials', 'minNodeCount', 'isEnabled'])

function firstDifference(sent: unknown, found: unknown, path: string): string | undefined {
  if (typeof sent !== 'object' || sent === null) {
    const equal =
      typeof sent === 'string' && typeof found === 'string'
        ? sent.toLowerCase() === found.toLowerCase()
        : sent === found
    return equal ? undefined : `${path} is ${JSON.stringify(found)}, was ${JSON.stringify(sent)}`
  }
  for (const [field, value] of Object.entries(sent)) {
    if (NOT_COMPARED.has(field)) continue
    const difference = firstDifference(
      value,
      (found as Record<string, unknown> | undefined)?.[field],
      `${path}/${field}`,
    )
    if (difference !== undefined) return difference
  }
  return undefined
}

/** What the lost side's names read like on the other side. */
function translated(text: string, from: AuditedSide, to: AuditedSide): string {
  return text
    .replaceAll(from.workspace, to.workspace)
    .replaceAll(from.workspaceId, to.workspaceId)
    .replaceAll(from.storage, to.storage)
    .replaceAll(`"${from.location}"`, `"${to.location}"`)
}

interface Logged {
  readonly metrics?: readonly { key: string; value: number | string; timestamp: number; step?: number }[]
  readonly params?: readonly { key: string; value: string }[]
  readonly tags?: readonly { key: string; value: string }[]
}

async function runShortcoming({ cloud, to }: AuditRequest, part: Subject): Promise<string | undefined> {
  const id = part.name.slice('run/'.length)
  const found = await cloud
    .mlflow(to.workspace, 'GET', `mlflow/runs/get?run_id=${encodeURIComponent(id)}`)
    .catch(() => undefined)
  if (found === undefined) return 'the run is not there'
  const { data } = found['run'] as { data: Logged }
  const histories = new Map<string, Set<string>>()
  for (const { body, operation } of part.lines) {
    const sent = (body === null ? {} : JSON.parse(body)) as Logged
    for (const { key, value } of sent.params ?? []) {
      if (data.params?.find((one) => one.key === key)?.value !== value)
        return `parameter ${key} is missing or different`
    }
    if (operation === 'logBatch' || operation === 'createRun') {
      for (const { key } of sent.tags ?? [])
        if (!data.tags?.some((one) => one.key === key)) return `tag ${key} is missing`
    }
    for (const point of sent.metrics ?? []) {
      const history = histories.get(point.key) ?? (await historyOf(cloud, to.workspace, id, point.key))
      histories.set(point.key, history)
      if (!history.has(pointOf(point))) return `metric ${point.key} lacks step ${point.step ?? 0}`
    }
  }
  return undefined
}

async function historyOf(cloud: Cloud, workspace: string, run: string, key: string): Promise<Set<string>> {
  const query = `run_id=${encodeURIComponent(run)}&metric_key=${encodeURIComponent(key)}`
  const { metrics = [] } = (await cloud.mlflow(workspace, 'GET', `mlflow/metrics/get-history?${query}`)) as Logged
  return new Set(metrics.map(pointOf))
}

function pointOf({ value, timestamp, step }: { value: number | string; timestamp: number; step?: number }): string {
  return `${Number(value)} ${Number(timestamp)} ${Number(step ?? 0)}`
}

async function blobShortcoming(
  { cloud, from, to, named }: AuditRequest,
  part: Subject,
  whole: Subject,
): Promise<string | undefined> {
  const last = part.lines.at(-1)
  if (last?.sha256 == null || whole.lines.at(-1) !== last) return undefined
  const [container = '', ...rest] = translated(part.name.slice('blob/'.length), from, to).split('/')
  const name = rest.join('/')
  const bytes = await cloud.blob(to.storage, container, decodeURIComponent(name))
  if (bytes === undefined) return 'the blob is not there'
  if (sha256(bytes) === last.sha256) return undefined
  // A text that names its workspace is rewritten on the way, and must then be the original in other names.
  if (sha256(Buffer.from(translated(bytes.toString('utf8'), to, from))) === last.sha256) return undefined
  return isNamed(part.name, named) ? undefined : 'its bytes are different'
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Whether a report's addresses name this subject: `run/training/train-iris` names `run/train-iris`. */
function isNamed(subject: string, named: ReadonlySet<string>): boolean {
  const last = subject.split('/').at(-1) ?? subject
  for (const address of named) {
    const [kind] = address.split('/')
    if (kind === subject.split('/')[0] && decodeURIComponent(address).endsWith(last)) return true
  }
  return false
}
