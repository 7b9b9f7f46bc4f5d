import { counted } from '../../core/counted.ts'
import { roughly } from '../../core/duration.ts'
import { type Address, otherSide, type Side } from '../../core/model.ts'
import { readable } from '../../core/readable.ts'
import { targetName } from '../../engine/pointer.ts'
import { standingBy } from '../../engine/promote.ts'
import { jobChoices } from '../../engine/resubmit.ts'
import type { Composed } from '../compose/compose.ts'
import { resubmittingOf } from '../compose/failing.ts'
import { lackingSaid, showLacking } from '../lacking.ts'
import type { Terminal } from '../terminal.ts'
import type { Judged } from './failover-judge.ts'
import { lossNow } from './status.ts'

/** What a failover would do, as far as the ledger knows. */
export interface Preview {
  /** Kept from acting until then, or not there until then. */
  readonly raises: readonly Address[]
  readonly jobs: readonly { readonly name: string; readonly becomes: string; readonly reason: string }[]
  readonly pointers: readonly string[]
  /** Who goes on writing to the side that is left, because no fence reaches them. */
  readonly unfenced: string | null
  /** What the side that takes over has no room for. It takes over none the less, and names what could not be raised. */
  readonly lacking: readonly string[]
  /** Known to be lost, whole or in part. */
  readonly atRisk: readonly Address[]
  /** Of these, what was never carried and cannot be. */
  readonly refused: readonly Address[]
}

const BECOMES = { submit: 'resubmitted', wait: 'waits', leave: 'left', block: 'blocked' } as const

/** Nothing is written and nothing is asked of the side that may be lost. */
export async function previewOf(joined: Composed, { roles }: Judged, signal: AbortSignal): Promise<Preview> {
  const { parts, policy } = joined
  const place = await parts.open(otherSide(roles.active), signal)
  const choosing = { parts, id: 'preview', from: roles.active, signal, ...resubmittingOf(joined) }
  const { items, refused } = lossNow(parts)
  const choices = place === undefined ? [] : await jobChoices(choosing, place)
  return {
    raises: [...standingBy(parts)].map(({ address }) => address),
    jobs: choices.map((choice) => ({ name: choice.name, becomes: BECOMES[choice.do], reason: choice.reason })),
    pointers: policy.pointer.map(targetName),
    unfenced: parts.unfenced ?? null,
    lacking: await lackingSaid({ parts, side: otherSide(roles.active), signal }),
    atRisk: items.map(({ address }) => address),
    refused,
  }
}

/** How both sides are and what was decided. */
export function showJudged(io: Terminal, { policy, parts }: Composed, judged: Judged): void {
  const { roles, health, standby, heard, decision } = judged
  io.say(`${io.paint('bold', policy.name)}: the ${roles.active} is active (epoch ${roles.epoch})`)
  const eyes = heard.length === 0 ? 'this machine alone' : `this machine and ${heard.join(', ')}`
  io.say(`  Seen by ${eyes}:`)
  for (const side of [roles.active, otherSide(roles.active)]) {
    const { status, reason } = health[side]
    io.say(`    ${io.paint(status === 'healthy' ? 'green' : 'red', status.padEnd(8))}  ${reason}`)
  }
  if (standby.recoveryPoint !== undefined) {
    const age = roughly(Math.max(0, parts.now() - standby.recoveryPoint))
    io.say(`  Recovery point ${new Date(standby.recoveryPoint).toISOString()}, ${age} old`)
  }
  if (decision.do === 'fail-over') io.say(`  Loss: at most ${roughly(decision.loss)} of work`)
  if (decision.do === 'continue') io.say(`  ${decision.reason}`)
}

export function showPreview(
  io: Terminal,
  { raises, jobs, pointers, atRisk, refused, unfenced, lacking }: Preview,
): void {
  io.say()
  io.say('A failover would')
  io.say(
    `  fence     ${unfenced === null ? 'what acts by itself over there, as far as it answers' : `nothing. ${unfenced}`}`,
  )
  io.say('  drain     what can still be read over there')
  io.say(`  raise     ${listed(raises.map(readable), 'thing')}`)
  const resubmitted = jobs.filter(({ becomes }) => becomes === BECOMES.submit).map(({ name }) => name)
  io.say(`  resubmit  ${listed(resubmitted, 'job')}`)
  for (const { name, becomes, reason } of jobs.filter((job) => job.becomes !== BECOMES.submit))
    io.say(`            not ${name}, which ${becomes === 'waits' ? 'waits' : `is ${becomes}`}: ${readable(reason)}`)
  io.say(`  point     ${listed(pointers, 'pointer')}`)
  showLacking(io, lacking)
  if (refused.length > 0) io.say(`  leave     what was never carried: ${listed(refused.map(readable), 'thing')}`)
  const others = atRisk.filter((one) => !refused.includes(one))
  if (others.length > 0) io.say(`  lose      all or a part of ${listed(others.map(readable), 'thing')}`)
  io.say()
}

const NAMED = 5

function listed(names: readonly string[], one: string): string {
  if (names.length === 0) return `no ${one}`
  const more = names.length > NAMED ? ` and ${counted(names.length - NAMED, 'more')}`.replace(/s$/, '') : ''
  return `${counted(names.length, one)}: ${names.slice(0, NAMED).join(', ')}${more}`
}

export function factsOfJudged({ roles, health, standby, decision, heard }: Judged): Readonly<Record<string, unknown>> {
  const told = (side: Side) => {
    const { status, reason, planes } = health[side]
    return { status, reason, planes: Object.fromEntries(planes.map(({ plane, verdict }) => [plane, verdict])) }
  }
  return {
    ...roles,
    health: { primary: told('primary'), secondary: told('secondary') },
    heard,
    recoveryPoint: standby.recoveryPoint === undefined ? null : new Date(standby.recoveryPoint).toISOString(),
    decision,
  }
}
