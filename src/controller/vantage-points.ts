import { randomUUID } from 'node:crypto'
import type { Probe, Tick } from '../core/health.ts'
import type { VantagePoint } from '../core/policy.ts'

/** What a vantage point tells, before anything of it is believed. */
interface Report {
  readonly protection: string
  readonly point: string
  readonly nonce: string
  readonly findings: readonly {
    readonly side: Probe['side']
    readonly plane: Probe['plane']
    readonly result: Probe['result']
    readonly ageMilliseconds: number
    readonly durationMilliseconds: number
    readonly selfCheck: boolean
    readonly sourceTime?: number
  }[]
}

export interface PointsOptions {
  readonly protection: string
  readonly points: readonly VantagePoint[]
  /** True if the body was signed by a process that has the protection's key. */
  verify(body: string, signature: string): boolean
  readonly timeoutMilliseconds: number
  /** The controller's own monotonic clock. */
  readonly clock: () => Tick
}

/** What the points said, and of those that said nothing credible, why. */
export interface Sightings {
  readonly probes: readonly Probe[]
  readonly silent: Readonly<Record<string, string>>
}

const SIGNATURE = 'x-holdfast-signature'
/** A report of all planes of both sides takes some thousand. */
const MOST_BYTES = 1_000_000

/** Asks every vantage point for its latest findings, all at once. One that does not answer is no evidence. */
export async function askPoints(options: PointsOptions, signal: AbortSignal): Promise<Sightings> {
  const silent: Record<string, string> = {}
  const answers = await Promise.all(
    options.points.map(async (point) => {
      try {
        return await ask(point, options, signal)
      } catch (thrown) {
        silent[point.name] = thrown instanceof Error ? thrown.message : String(thrown)
        return []
      }
    }),
  )
  return { probes: answers.flat(), silent }
}

async function ask(
  point: VantagePoint,
  { protection, verify, timeoutMilliseconds, clock }: PointsOptions,
  ending: AbortSignal,
): Promise<Probe[]> {
  const nonce = randomUUID()
  const asked = clock()
  const url = new URL('report', point.url.endsWith('/') ? point.url : `${point.url}/`)
  url.searchParams.set('nonce', nonce)
  const signal = AbortSignal.any([ending, AbortSignal.timeout(timeoutMilliseconds)])
  const answer = await fetch(url, { signal, redirect: 'manual' })
  const body = await reportIn(answer)
  if (!answer.ok) throw new Error(`it answered ${answer.status}`)
  if (!verify(body, answer.headers.get(SIGNATURE) ?? ''))
    throw new Error('its report is not signed with the key of this protection')
  const report = JSON.parse(body) as Report
  if (report.nonce !== nonce) throw new Error('its report answers another question')
  if (report.protection !== protection) throw new Error(`it watches ${report.protection}`)
  if (report.point !== point.name) throw new Error(`it calls itself ${report.point}`)
  return report.findings.map(({ ageMilliseconds, durationMilliseconds, sourceTime, ...rest }) => ({
    point: point.name,
    side: rest.side,
    plane: rest.plane,
    result: rest.result,
    selfCheck: rest.selfCheck,
    // The age is that of some moment after we asked: reckoned from the asking, a finding is never taken for younger.
    startedAt: asked - Math.max(0, ageMilliseconds),
    duration: durationMilliseconds,
    ...(sourceTime === undefined ? {} : { sourceTime }),
  }))
}

/** The body of an answer, of which nothing is believed yet: it may be of anybody, and of any length. */
async function reportIn({ body }: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of body ?? []) {
    bytes += part.length
    if (bytes > MOST_BYTES) throw new Error('its answer is too long to be a report')
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
