import { randomBytes } from 'node:crypto'
import type { Milliseconds } from '../../core/duration.ts'
import { Fault } from '../../core/errors.ts'
import type { Decision, Situation } from '../../core/failover.ts'
import type { Health } from '../../core/health.ts'
import { otherSide } from '../../core/model.ts'
import type { FailoverWish } from '../../core/persons/failover.ts'
import { type Weighed, weigh } from '../../engine/deciding/by-hand.ts'
import { situationOf } from '../../engine/deciding/situation.ts'
import { rolesOf, sideAway, standbyOf } from '../../engine/roles.ts'
import { processClock } from '../../engine/time.ts'
import { underWay } from '../../engine/under-way.ts'
import type { Composed } from '../compose/compose.ts'
import { personHere } from '../saying.ts'
import { type SidesSeen, sidesSeen } from '../seeing.ts'

/** Everything that a failover by hand is decided by, and the decision. */
export interface Judged extends Weighed, SidesSeen, Pick<Situation, 'roles' | 'standby'> {
  /** What would let it be done, where it is refused. */
  readonly refusal: string
}

export interface Judging {
  readonly evenIfHealthy?: boolean
  readonly acceptLoss?: Milliseconds
  readonly signal: AbortSignal
}

/**
 * Looks at both sides from here, asks the vantage points that answer, and decides by the rules by which `serve`
 * does, with the consent of whoever runs this.
 */
export async function judge(joined: Composed, judging: Judging): Promise<Judged> {
  const { policy, parts } = joined
  const asked = processClock()
  await demandInStep(joined)
  const { health, heard } = await sidesSeen(joined, judging.signal)
  const situation = await situationOf(parts, policy, { health, tick: processClock(), inside: () => false })
  const weighed = weigh(wishOf(judging), situation, { id: `f${randomBytes(4).toString('hex')}`, asked })
  const { roles, standby } = situation
  return { ...weighed, roles, health, standby, heard, refusal: refusalOf(weighed.decision, health[roles.active]) }
}

/** Without a standby that was in step there is nothing to look at, unless something is under way already. */
async function demandInStep({ parts }: Composed): Promise<void> {
  if ((await underWay(parts)) !== undefined) return
  const roles = await rolesOf(parts)
  const away = await sideAway(parts, roles)
  const standby = await standbyOf(parts, roles, away)
  const [from, to] = [roles.active, otherSide(roles.active)]
  if (away !== undefined) {
    throw new Fault(
      'failover/refused',
      `The ${to} was left by failover ${away.failover} and was not taken back: it lacks what came since`,
      { hint: `Run \`holdfast sync\` when the ${to} answers: it is taken back and follows.` },
    )
  }
  if (standby.synced) return
  throw new Fault('failover/refused', `The ${to} was never in step with the ${from}: nothing could go on there`, {
    hint: `Run \`holdfast sync\` while the ${from} answers.`,
  })
}

/** What whoever runs this wants. */
export function wishOf({ evenIfHealthy = false, acceptLoss }: Omit<Judging, 'signal'>): FailoverWish {
  return { by: personHere(), evenIfHealthy, ...(acceptLoss === undefined ? {} : { acceptLoss }) }
}

function refusalOf(decision: Decision, active: Health): string {
  if (decision.do === 'ask' && decision.loss !== undefined) {
    return `Run \`holdfast sync\` if the ${active.side} still answers, or accept the loss with --accept-loss ${wholeMinutes(decision.loss)}.`
  }
  if (active.status === 'healthy') return 'Give --even-if-healthy to leave it all the same.'
  if (decision.do === 'abandon') return 'Let `holdfast serve` give it up, or give --even-if-healthy to carry it on.'
  return 'Look at what does not answer, from more than one machine, and run this again.'
}

/** Enough for a loss that grows while it is read. */
function wholeMinutes(loss: Milliseconds): string {
  return `${Math.ceil(loss / 60_000) + 1}m`
}
