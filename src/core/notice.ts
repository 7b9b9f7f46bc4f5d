import type { JsonObject } from './model.ts'

/** Something that a person who is not looking wants to hear of. */
export interface Notice {
  /** The same for every attempt and every target: by it a receiver knows what it has heard already. */
  readonly id: string
  readonly protection: string
  readonly at: string
  /** Type of the record that it is of. */
  readonly is: string
  readonly severity: Severity
  readonly sentence: string
}

export type Severity = 'info' | 'warning' | 'critical'

/** A record of the journal, as far as a notice needs it. */
interface Told {
  readonly seq: number
  readonly type: string
  readonly at: string
  readonly body: JsonObject
}

type Say = (body: JsonObject) => readonly [severity: Severity, sentence: string] | undefined

const moveOf = ({ move }: JsonObject) => (move === 'switchover' ? 'Switchover' : 'Failover')

/** What is news, by type of record. All else in the journal is not. */
const SAYS: Readonly<Record<string, Say>> = {
  'failover/begun': (body) => [
    body['move'] === 'switchover' ? 'info' : 'critical',
    `${moveOf(body)} ${body['id']} from the ${body['from']} to the ${body['to']} begins: ${body['reason']}`,
  ],
  'failover/phase-failed': ({ id, phase, message, again }) =>
    again === true ? undefined : ['warning', `Failover ${id}: ${phase} failed: ${message}`],
  'failover/ended': (body) => [
    body['outcome'] === 'done' ? 'info' : 'warning',
    `Failover ${body['id']} has ended: ${body['outcome']}`,
  ],
  'failover/phase-done': ({ phase, id, result }) => {
    const left = phase === 'pointer' ? ((result as JsonObject | undefined)?.['left'] as readonly unknown[]) : []
    return (left ?? []).length > 0
      ? ['critical', `Failover ${id}: ${left.length} of the pointers could not be moved; they are tried again`]
      : undefined
  },
  'pointer/moved': (body) => ['info', `${body['target']} shows to the active workspace now`],
  'return/done': ({ side, findings }) => [
    'info',
    `The ${side} was taken back, with ${((findings ?? []) as readonly unknown[]).length} things that only it had`,
  ],
  'decision/asked': ({ reason }) => ['critical', `A person must decide: ${reason}`],
  'approval/proposed': ({ digest, reason }) => [
    'critical',
    `A failover waits for an approval: ${reason}. Approve it with holdfast approve ${String(digest).slice(0, 8)}`,
  ],
  'approval/given': ({ by }) => ['info', `${by} approved the failover`],
  'pause/begun': ({ by, why }) => ['info', `${by} paused what is automatic${why === '' ? '' : `: ${why}`}`],
  'pause/ended': ({ by }) => ['info', `${by} let what is automatic act again`],
}

/** The notice of a record, or `undefined` where it is no news. */
export function noticeOf(protection: string, { seq, type, at, body }: Told): Notice | undefined {
  const said = SAYS[type]?.(body)
  if (said === undefined) return undefined
  const [severity, sentence] = said
  return { id: `holdfast-${protection}-${seq}`, protection, at, is: type, severity, sentence }
}

/** How long to wait after so many failures in a row. */
export function backOff(failures: number): number {
  return Math.min(300_000, 1000 * 2 ** Math.min(failures, 12))
}
