import { type Decision, gistOf } from '../core/failover.ts'
import type { Side } from '../core/model.ts'
import { type NoticeTarget, notifying } from '../engine/notify.ts'
import type { Parts } from '../engine/parts.ts'
import type { Active, Target } from '../engine/pointer.ts'
import { pointAgain } from '../engine/pointer-left.ts'
import type { Tenure } from '../engine/tenure.ts'
import type { Monotonic } from '../engine/time.ts'

/** What a controller does beside following and deciding, which neither may wait for. */
export interface Beside {
  /** Sends what is news, and tries pointers again that could not be moved. Returns at once. */
  turn(tenure: Tenure): void
  /** Writes down that a person is asked, when that begins. */
  decided(tenure: Tenure, decision: Decision): Promise<void>
  pending(): number
  halt(): Promise<void>
}

export interface BesideOptions {
  readonly parts: Parts
  readonly notices: readonly NoticeTarget[]
  readonly pointers: readonly Target[]
  placeOf(side: Side): Pick<Active, 'name' | 'location'>
  readonly callMilliseconds: number
  readonly clock: Monotonic
  trouble(what: string, why: string): void
}

/** Time between two tries of pointers that were left. */
const POINTERS_MILLISECONDS = 30_000
/** Run of what a controller notes of its own decisions. */
const DECISIONS = 'decisions'

export function beside(options: BesideOptions): Beside {
  const { parts, notices, pointers, placeOf, callMilliseconds, clock, trouble } = options
  const failed = (target: string, why: string) => trouble(`telling ${target}`, why)
  const notifier = notifying({ parts, targets: notices, clock, failed })
  const stopping = new AbortController()
  let pointing: Promise<void> | undefined
  let pointAt = Number.NEGATIVE_INFINITY
  let asking = ''

  async function pointed(tenure: Tenure): Promise<void> {
    const signal = AbortSignal.any([stopping.signal, tenure.signal])
    try {
      const left = await pointAgain({ parts, tenure, targets: pointers, active: placeOf, signal, callMilliseconds })
      for (const target of left) trouble(`pointing ${target}`, 'it could not be moved yet')
    } catch (thrown) {
      if (!signal.aborted) trouble('pointing', thrown instanceof Error ? thrown.message : String(thrown))
    }
  }

  return {
    turn: (tenure) => {
      notifier.turn(tenure)
      if (pointers.length === 0 || pointing !== undefined || clock() < pointAt) return
      pointAt = clock() + POINTERS_MILLISECONDS
      pointing = pointed(tenure).finally(() => {
        pointing = undefined
      })
    },
    decided: async (tenure, decision) => {
      const asked = decision.do === 'ask' ? gistOf(decision.reason) : ''
      if (asked !== '' && asked !== asking) {
        const loss = decision.do === 'ask' && decision.loss !== undefined ? { loss: Math.round(decision.loss) } : {}
        await tenure.append(DECISIONS, { type: 'decision/asked', body: { reason: decision.reason, ...loss } })
      }
      asking = asked
    },
    pending: notifier.pending,
    halt: async () => {
      stopping.abort()
      await Promise.all([pointing, notifier.halt()])
    },
  }
}
