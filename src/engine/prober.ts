import type { Plane } from '../core/health.ts'
import type { Instant, Side } from '../core/model.ts'
import { type Monotonic, processClock } from './time.ts'

/** One question to one plane of one side. It throws where the plane is down. */
export interface Question {
  readonly side: Side
  readonly plane: Plane
  ask(signal: AbortSignal): Promise<{ readonly sourceTime?: Instant }>
}

/** The latest answer to a question, as a vantage point tells it: ages, since its clock is its own. */
export interface Finding {
  readonly side: Side
  readonly plane: Plane
  readonly result: 'ok' | 'failed' | 'not-run'
  readonly ageMilliseconds: number
  readonly durationMilliseconds: number
  readonly selfCheck: boolean
  readonly sourceTime?: Instant
  /** Why it failed, for people. */
  readonly reason?: string
}

export interface Prober {
  /** The latest round, whole: answers of one round belong together. */
  findings(): readonly Finding[]
  /** Resolves when the first round is over. */
  readonly first: Promise<void>
  stop(): void
}

export interface ProberOptions {
  readonly questions: readonly Question[]
  /** Reaches a target outside both regions: without that a failure says something of this point alone. */
  selfCheck(signal: AbortSignal): Promise<void>
  readonly everyMilliseconds: number
  /** How long one question may take before it counts as failed. */
  readonly timeoutMilliseconds: number
  readonly clock?: Monotonic
}

interface Kept extends Omit<Finding, 'ageMilliseconds'> {
  readonly startedAt: number
}

/** Asks every question in rounds, all at once, until stopped. A round that hangs ends at its time-out. */
export function startProber(options: ProberOptions): Prober {
  const { questions, everyMilliseconds, timeoutMilliseconds, clock = processClock } = options
  const ending = new AbortController()
  let latest: readonly Kept[] = []
  let timer: NodeJS.Timeout | undefined

  async function timed(work: (signal: AbortSignal) => Promise<{ sourceTime?: Instant }>) {
    const startedAt = clock()
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(timeoutMilliseconds)])
    try {
      const { sourceTime } = await work(signal)
      const ok = { result: 'ok' as const, startedAt, durationMilliseconds: clock() - startedAt }
      return sourceTime === undefined ? ok : { ...ok, sourceTime }
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      return { result: 'failed' as const, startedAt, durationMilliseconds: clock() - startedAt, reason }
    }
  }

  async function round(): Promise<void> {
    const began = clock()
    const [self, ...answers] = await Promise.all([
      timed(async (signal) => {
        await options.selfCheck(signal)
        return {}
      }),
      ...questions.map((question) => timed((signal) => question.ask(signal))),
    ])
    if (ending.signal.aborted) return
    const selfCheck = self.result === 'ok'
    latest = answers.flatMap((answer, index) => {
      const question = questions[index]
      return question === undefined ? [] : [{ side: question.side, plane: question.plane, selfCheck, ...answer }]
    })
    timer = setTimeout(() => void round(), Math.max(0, everyMilliseconds - (clock() - began)))
  }

  return {
    findings: () => latest.map(({ startedAt, ...kept }) => ({ ...kept, ageMilliseconds: clock() - startedAt })),
    first: round(),
    stop: () => {
      ending.abort()
      clearTimeout(timer)
    },
  }
}
