import { Fault } from '../../core/errors.ts'
import type { Side } from '../../core/model.ts'
import type { FailoverState, Move, Outcome } from '../../core/phases.ts'
import type { FailoverReport } from '../../engine/report.ts'

type Ended = Pick<FailoverReport, 'id' | 'move' | 'from' | 'to' | 'outcome' | 'timeline' | 'jobs' | 'unfinished'>

interface Told {
  readonly message: string
  readonly hint: string
}

/** What a person is told of a move that came to something else than was asked for. */
const OTHERWISE: Readonly<Record<Outcome, (ended: Ended) => Told>> = {
  done: ({ move, from, to }) => ({
    message: `The ${move} had gone too far to be turned back: the ${to} is active`,
    hint: `Look with \`holdfast switchover\` at what it takes to let the ${from} take over again.`,
  }),
  undone: ({ move, timeline, ...back }) => ({
    message: `The ${move} was turned back, and ${isAllBack(back) ? 'all' : 'not all'} is where it was: ${
      timeline.findLast(({ what }) => what.includes('failed: '))?.what ?? 'a person wanted it'
    }`,
    hint: 'Do away with the reason and run it again.',
  }),
  abandoned: (ended) => ABANDONED[ended.move](ended),
  running: ({ id, move }) => ({
    message: `The ${move} ${id} has not come to its end`,
    hint: 'Run it again: it goes on where it was.',
  }),
}

/** Whether what was stopped acts again, and each job that was cancelled was submitted again. */
function isAllBack({ jobs, unfinished }: Pick<Ended, 'jobs' | 'unfinished'>): boolean {
  return unfinished.length === 0 && jobs.every(({ is }) => is === 'submitted')
}

const ABANDONED: Readonly<Record<Move, (ended: Ended) => Told>> = {
  failover: ({ id, from }) => ({
    message: `Failover ${id} was given up before anything was done, since the ${from} answered again`,
    hint: 'Look at both sides with `holdfast failover`, and run it again if it is still wanted.',
  }),
  switchover: ({ id, from, to }) => ({
    message: `Switchover ${id} was given up: the ${from} was lost before the ${to} was raised`,
    hint: 'Look at what a failover would do with `holdfast failover`.',
  }),
}

/**
 * Lets only that pass which a person asked for.
 * @throws Fault `failover/refused` with what became of it
 */
export function demandEnded(ended: Ended, wanted: 'done' | 'undone'): void {
  if (ended.outcome === wanted) return
  const { message, hint } = OTHERWISE[ended.outcome](ended)
  throw new Fault('failover/refused', message, { facts: { id: ended.id, outcome: ended.outcome }, hint })
}

/**
 * A move that is under way is carried on only by who wants to go where it goes.
 * @throws Fault `failover/refused` where it goes to the other side
 */
export function demandSameWay({ id, begun }: Pick<FailoverState, 'id' | 'begun'>, towards: Side | undefined): void {
  const to = String(begun['to'])
  if (towards === undefined || to === towards) return
  throw new Fault('failover/refused', `Switchover ${id} to the ${to} is under way`, {
    facts: { id, to },
    hint: 'Carry it to its end with `holdfast switchover --yes`, or turn it back with `holdfast switchover --undo`.',
  })
}
