import { Fault } from '../core/errors.ts'
import type { Side } from '../core/model.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { Parts } from '../engine/parts.ts'
import type { Carrying, Pass, pass } from '../engine/sync.ts'
import type { Tenure } from '../engine/tenure.ts'
import type { Monotonic } from '../engine/time.ts'

/** What a pass came to, for whoever watches. */
export type PassEnd = { readonly milliseconds: number } & (
  | { readonly is: 'done'; readonly pass: Pass }
  | { readonly is: 'failed'; readonly why: string }
)

export interface FollowingOptions {
  readonly parts: Parts
  readonly carrying: Carrying
  readonly everyMilliseconds: number
  readonly callMilliseconds: number
  ended(end: PassEnd): void
  /** Makes one pass. */
  readonly pass: typeof pass
  readonly clock: Monotonic
}

/** Passes one after the other, beside everything else that a controller does. */
export interface Following {
  /** Starts a pass if one is due and none is under way. */
  turn(tenure: Tenure, active: Side): void
  /** Ends the pass that is under way and waits until it is over. */
  halt(why: string): Promise<void>
  /** Forgets what the passes remember, for instance when the direction changes. */
  forget(): void
  /** The next pass is due at once. */
  hurry(): void
}

export function following({
  parts,
  carrying,
  everyMilliseconds,
  callMilliseconds,
  ended,
  pass,
  clock,
}: FollowingOptions): Following {
  let before: { source: Snapshot; target: Snapshot } | undefined
  let underWay: Promise<void> | undefined
  let stopping = new AbortController()
  let dueAt = Number.NEGATIVE_INFINITY

  async function one(tenure: Tenure, active: Side): Promise<void> {
    const signal = AbortSignal.any([stopping.signal, tenure.signal])
    const began = clock()
    try {
      const done = await pass({
        parts,
        tenure,
        active,
        carrying,
        signal,
        callMilliseconds,
        ...(before === undefined ? {} : { before }),
      })
      before = { source: done.source.snapshot, target: done.target.snapshot }
      ended({ is: 'done', pass: done, milliseconds: clock() - began })
    } catch (thrown) {
      before = undefined
      if (!stopping.signal.aborted)
        ended({
          is: 'failed',
          why: thrown instanceof Error ? thrown.message : String(thrown),
          milliseconds: clock() - began,
        })
    }
  }

  return {
    turn: (tenure, active) => {
      const now = clock()
      if (underWay !== undefined || now < dueAt) return
      dueAt = now + everyMilliseconds
      underWay = one(tenure, active).finally(() => {
        underWay = undefined
      })
    },
    halt: async (why) => {
      stopping.abort(new Fault('run/interrupted', why))
      await underWay
      stopping = new AbortController()
    },
    forget: () => {
      before = undefined
    },
    hurry: () => {
      dueAt = Number.NEGATIVE_INFINITY
    },
  }
}
