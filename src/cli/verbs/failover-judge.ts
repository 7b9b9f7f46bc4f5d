import { isSigned } from '../../api/signed.ts'
import { askPoints } from '../../controller/vantage-points.ts'
import type { Milliseconds } from '../../core/duration.ts'
import { Fault } from '../../core/errors.ts'
import { type Decision, decide, type Standby } from '../../core/failover.ts'
import { type Health, unwatched, watch } from '../../core/health.ts'
import { otherSide, type Roles, type Side } from '../../core/model.ts'
import { consentIn, type FailoverWish } from '../../core/persons/failover.ts'
import type { VantagePoint } from '../../core/policy.ts'
import { HERE, lookOnce } from '../../engine/look.ts'
import { pauseNow } from '../../engine/pause.ts'
import type { Question } from '../../engine/prober.ts'
import { type Away, rolesOf, sideAway, standbyOf } from '../../engine/roles.ts'
import { processClock } from '../../engine/time.ts'
import { runningOf, underWay } from '../../engine/under-way.ts'
import type { Composed } from '../compose/compose.ts'
import { sharedKey } from '../key.ts'
import { personHere } from '../saying.ts'

/** Everything that a failover by hand is decided by, and the decision. */
export interface Judged {
  readonly roles: Roles
  readonly health: Readonly<Record<Side, Health>>
  readonly standby: Standby
  readonly decision: Decision
  /** Vantage points that were heard, besides this machine. */
  readonly heard: readonly string[]
  /** What would let it be done, where it is refused. */
  readonly refusal: string
  readonly at: { readonly tick: number; readonly wall: number; readonly took: Milliseconds }
}

export interface Judging {
  readonly evenIfHealthy?: boolean
  readonly acceptLoss?: Milliseconds
  readonly signal: AbortSignal
}

const PROBE_MILLISECONDS = 5000
const POINT_MILLISECONDS = 2000

/**
 * Looks at both sides from here, asks the vantage points that answer, and decides by the rules by which `serve`
 * does, with the consent of whoever runs this.
 */
export async function judge(joined: Composed, judging: Judging): Promise<Judged> {
  const { policy, parts } = joined
  const began = processClock()
  const roles = await rolesOf(parts)
  const away = await sideAway(parts, roles)
  const running = await underWay(parts)
  const standby = await standbyOf(parts, roles, away)
  if (running === undefined) demandInStep(roles, { standby, away })
  const { health, heard } = await sidesSeen(joined, judging.signal)
  const at = { tick: processClock(), wall: parts.now() }
  const consent = consentIn(wishOf(judging), { policy, roles, now: at.wall })
  const decision = decide({
    policy: policy.failover,
    maintenance: policy.maintenance,
    roles,
    health,
    leased: true,
    standby,
    paused: (await pauseNow(parts)) !== undefined,
    ...(running === undefined ? {} : { running: runningOf(running) }),
    consent,
    insideActive: false,
    now: at,
  })
  const refusal = refusalOf(decision, health[roles.active])
  return { roles, health, standby, decision, heard, refusal, at: { ...at, took: at.tick - began } }
}

/** Without a standby that was in step there is nothing to look at. */
function demandInStep(roles: Roles, { standby, away }: { standby: Standby; away: Away | undefined }): void {
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

/** Both sides as this machine and the vantage points that answer see them now. */
export async function sidesSeen(joined: Composed, signal: AbortSignal) {
  const { policy, estate, dir } = joined
  const key = sharedKey(dir)
  const points = { points: policy.failover.vantagePoints, timeoutMilliseconds: POINT_MILLISECONDS, clock: processClock }
  const [own, others] = await Promise.all([
    lookOnce({
      questions: await questionsOfBoth(joined, signal),
      selfCheck: estate.reachOutside,
      timeoutMilliseconds: PROBE_MILLISECONDS,
    }),
    askPoints({ ...points, verify: (body, signature) => isSigned(body, signature, key) }, signal),
  ])
  const answered = new Set(others.probes.map(({ point }) => point))
  const heard = policy.failover.vantagePoints.filter(({ name }) => answered.has(name))
  const here: VantagePoint = { name: HERE, url: '', host: HERE }
  const now = processClock()
  // Whoever runs this has waited long enough: what is down now is down.
  const rules = { points: [here, ...heard], demo: policy.failover.demo, after: 0, planes: estate.planes }
  const { health } = watch(unwatched(now), [...own, ...others.probes], { now, rules })
  return { health, heard: heard.map(({ name }) => name) }
}

async function questionsOfBoth({ estate, parts }: Composed, signal: AbortSignal): Promise<readonly Question[]> {
  const questions: Question[] = []
  for (const side of ['primary', 'secondary'] as const) {
    const place = await parts.open(side, signal)
    if (place !== undefined) questions.push(...estate.questions(side, place))
  }
  return questions
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
