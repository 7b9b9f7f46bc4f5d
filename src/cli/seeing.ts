import { isSigned } from '../api/signed.ts'
import { askPoints } from '../controller/vantage-points.ts'
import { type Health, unwatched, watch } from '../core/health.ts'
import type { Side } from '../core/model.ts'
import type { VantagePoint } from '../core/policy.ts'
import { HERE, lookOnce } from '../engine/deciding/look.ts'
import type { Question } from '../engine/prober.ts'
import { processClock } from '../engine/time.ts'
import type { Composed } from './compose/compose.ts'
import { sharedKey } from './key.ts'

const POINT_MILLISECONDS = 2000

/** Asks both sides once from this process, each plane no longer than so many milliseconds. */
export async function lookHere(joined: Composed, timeoutMilliseconds: number, signal: AbortSignal) {
  const questions = await questionsOfBoth(joined, signal)
  return lookOnce({ questions, selfCheck: joined.estate.reachOutside, timeoutMilliseconds }, signal)
}

async function questionsOfBoth({ estate, parts }: Composed, signal: AbortSignal): Promise<readonly Question[]> {
  const questions: Question[] = []
  for (const side of ['primary', 'secondary'] as const) {
    const place = await parts.open(side, signal)
    if (place !== undefined) questions.push(...estate.questions(side, place))
  }
  return questions
}

const PROBE_MILLISECONDS = 5000

/** How both sides are for this machine and the vantage points that answer. */
export interface SidesSeen {
  readonly health: Readonly<Record<Side, Health>>
  /** Vantage points that were heard, besides this machine. */
  readonly heard: readonly string[]
}

/** Both sides as this machine and the vantage points that answer see them now. */
export async function sidesSeen(joined: Composed, signal: AbortSignal): Promise<SidesSeen> {
  const { policy, estate, dir, parts } = joined
  parts.progress.phase('looking at both sides')
  const key = sharedKey(dir)
  const points = {
    protection: policy.name,
    points: policy.failover.vantagePoints,
    timeoutMilliseconds: POINT_MILLISECONDS,
    clock: processClock,
  }
  const [own, others] = await Promise.all([
    lookHere(joined, PROBE_MILLISECONDS, signal),
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
