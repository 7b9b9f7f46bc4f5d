import { counted } from '../core/counted.ts'
import type { Address, JsonObject, Side } from '../core/model.ts'
import { failovers, type Move, type Outcome, type Part } from '../core/phases.ts'
import type { JournalRecord } from '../store/store.ts'
import type { Lost } from './loss.ts'
import type { Resubmitted } from './resubmit.ts'
import type { Finding } from './return/sort-out.ts'

/** Everything about one failover, from the journal alone, so that any controller tells the same. */
export interface FailoverReport {
  readonly id: string
  readonly move: Move
  readonly from: Side
  readonly to: Side
  readonly reason: string
  readonly outcome: Outcome
  /** Milliseconds of each part. */
  readonly times: Readonly<Record<Part, number>>
  /** ISO instants. */
  readonly lastAnswered: string | null
  readonly recoveryPoint: string | null
  readonly timeline: readonly { readonly at: string; readonly what: string }[]
  readonly jobs: readonly Resubmitted[]
  readonly pointers: readonly { readonly target: string; readonly changed: boolean }[]
  readonly verified: {
    /** Items compared, by kind. */
    readonly compared: Readonly<Record<string, number>>
    readonly missing: readonly Address[]
    readonly different: readonly Address[]
  }
  /** Everything known to be lost, whole or in part. */
  readonly loss: readonly Lost[]
  /** What was found when the other side returned; `undefined` before that. */
  readonly returned?: readonly Finding[]
  /** What was not done as it should have been, in sentences. */
  readonly unfinished: readonly string[]
}

/** Builds the report of a failover from its journal records. */
export function reportOf(records: readonly JournalRecord[]): FailoverReport | undefined {
  const [state] = failovers(records)
  if (state === undefined) return undefined
  const { begun } = state
  const results = new Map(
    records
      .filter((one) => one.type === 'failover/phase-done')
      .map((one) => [String(one.body['phase']), objectOf(one.body['result'])]),
  )
  const verified = results.get('verify') ?? {}
  const back = records.findLast((one) => one.type === 'return/done')?.body['findings']
  const late = records.flatMap(({ type, body }) =>
    type === 'late/done' ? (body['findings'] as unknown as readonly Finding[]) : [],
  )
  const later = movedLater(records)
  const returned = back === undefined ? undefined : [...(back as unknown as readonly Finding[]), ...late]
  return {
    id: state.id,
    move: state.move,
    from: begun['from'] as Side,
    to: begun['to'] as Side,
    reason: String(begun['reason']),
    outcome: state.outcome,
    times: state.times,
    lastAnswered: isoOf(begun['lastAnswered']),
    recoveryPoint: isoOf(begun['recoveryPoint']),
    timeline: records.flatMap((one) => (isTold(state.move, one) ? lineOf(one) : [])),
    jobs: jobsIn(results),
    pointers: [...((results.get('pointer')?.['moved'] ?? []) as unknown as FailoverReport['pointers']), ...later],
    verified: {
      compared: objectOf(verified['compared']) as Readonly<Record<string, number>>,
      missing: (verified['missing'] ?? []) as readonly Address[],
      different: (verified['different'] ?? []) as readonly Address[],
    },
    loss: (results.get('report')?.['loss'] ?? []) as unknown as readonly Lost[],
    ...(returned === undefined ? {} : { returned }),
    unfinished: unfinishedOf(results, { left: state.left, later }),
  }
}

/** The phase `return` of a switchover tells of it itself. */
function isTold(move: Move, { type }: JournalRecord): boolean {
  return move !== 'switchover' || type !== 'return/done'
}

/** What a person wants to know of a record in one line, or nothing. */
function lineOf({ at, type, body }: JournalRecord): { at: string; what: string }[] {
  const phase = String(body['phase'] ?? '')
  const result = objectOf(body['result'])
  if (type === 'failover/begun') return [{ at, what: String(body['reason']) }]
  if (type === 'failover/phase-done' && phase in LINES)
    return [{ at, what: LINES[phase as keyof typeof LINES](result) }]
  if (type === 'failover/phase-failed' && body['again'] !== true)
    return [{ at, what: `${phase} failed: ${String(body['message'])}` }]
  if (type === 'failover/turned-back') return [{ at, what: `turned back: ${String(body['message'])}` }]
  if (type === 'return/done')
    return [{ at, what: `the ${String(body['side'])} is back, fenced, and what only it had is carried over` }]
  return []
}

const LINES = {
  lease: (result: JsonObject) => `took the lease: epoch ${String(result['epoch'])}`,
  fence: (result: JsonObject) =>
    result['unfenced'] !== undefined
      ? 'nothing acts by itself there, and who writes there cannot be stopped'
      : result['complete'] === true
        ? 'fenced the lost side'
        : 'the lost side cannot be fenced before it returns',
  quiesce: (result: JsonObject) =>
    `read everything a last time and switched off ${counted(lengthOf(result['stopped']), 'thing that starts work by itself', 'things that start work by themselves')}`,
  settle: (result: JsonObject) =>
    result['waitedFor'] === true
      ? 'no job is under way any more'
      : `${counted(lengthOf(result['open']), 'job still runs', 'jobs still run')}`,
  stop: (result: JsonObject) =>
    `cancelled ${counted(lengthOf(result['cancelled']), 'job, after it was', 'jobs, after they were')} read a last time`,
  carry: (result: JsonObject) =>
    `found no difference between the sides any more: ${counted(Number(result['items'] ?? 0), 'item')}, ${counted(Number(result['passes'] ?? 0), 'pass', 'passes')}`,
  return: (result: JsonObject) =>
    `looked at the side that was left again: ${counted(lengthOf(result['findings']), 'thing was', 'things were')} written there meanwhile`,
  reopen: (result: JsonObject) =>
    `went back to where it was: ${counted(lengthOf(result['raised']), 'thing acts', 'things act')} again, ${counted(lengthOf(result['jobs']), 'job was', 'jobs were')} submitted again`,
  drain: (result: JsonObject) =>
    Number(result['read'] ?? 0) > 0
      ? `read a last time what still answered: ${String(result['carried'])} carried`
      : 'nothing of the lost side could be read any more',
  promote: (result: JsonObject) =>
    `raised the standby: ${counted(lengthOf(result['raised']), 'thing acts', 'things act')} now that stood by`,
  resubmit: (result: JsonObject) =>
    `resubmitted ${counted(((result['jobs'] ?? []) as readonly JsonObject[]).filter((job) => job['is'] === 'submitted').length, 'job')}`,
  pointer: (result: JsonObject) =>
    `moved ${counted(lengthOf(result['moved']), 'pointer')}${lengthOf(result['left']) === 0 ? '' : `, and could not move ${lengthOf(result['left'])}`}`,
  verify: (result: JsonObject) =>
    `looked at everything again: ${lengthOf(result['missing'])} missing, ${lengthOf(result['different'])} different`,
} as const

/** Pointers that could not be moved at first. */
function movedLater(records: readonly JournalRecord[]): FailoverReport['pointers'] {
  return records.flatMap(({ type, body }) =>
    type === 'pointer/moved' ? [{ target: String(body['target']), changed: true }] : [],
  )
}

function unfinishedOf(
  results: ReadonlyMap<string, JsonObject>,
  { left, later }: { readonly left: ReadonlyMap<string, string>; readonly later: FailoverReport['pointers'] },
): readonly string[] {
  const failed = Object.entries(objectOf((results.get('promote') ?? results.get('reopen'))?.['failed'])).map(
    ([address, why]) => `${address} was not raised: ${String(why)}`,
  )
  const unclosed = jobsIn(results).flatMap(({ job, as, unclosed: why }) =>
    why === undefined ? [] : [`The run of ${job}, which goes on as ${as}, could not be closed: ${why}`],
  )
  const unread = Object.entries(objectOf(results.get('verify')?.['unread'])).map(
    ([kind, why]) => `${kind} could not be verified: ${String(why)}`,
  )
  const unfenced = results.get('fence')?.['unfenced']
  const open = typeof unfenced === 'string' ? [unfenced] : []
  const moved = new Set(later.map(({ target }) => target))
  const pointers = ((results.get('pointer')?.['left'] ?? []) as readonly JsonObject[])
    .filter(({ target }) => !moved.has(String(target)))
    .map(({ target, why }) => `${String(target)} could not be moved: ${String(why)}. \`holdfast serve\` tries it again`)
  const unknown =
    results.get('report')?.['unknown'] === true
      ? [
          'The ledger knew nothing of the side that was left: what acted there, which jobs ran and what is lost cannot be told',
        ]
      : []
  return [
    ...unknown,
    ...open,
    ...failed,
    ...unclosed,
    ...pointers,
    ...unread,
    ...[...left].map(([phase, why]) => `${phase} was given up: ${why}`),
  ]
}

function jobsIn(results: ReadonlyMap<string, JsonObject>): readonly Resubmitted[] {
  return ((results.get('resubmit') ?? results.get('reopen'))?.['jobs'] ?? []) as unknown as readonly Resubmitted[]
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0
}

function isoOf(value: unknown): string | null {
  return typeof value === 'number' && value > 0 ? new Date(value).toISOString() : null
}
