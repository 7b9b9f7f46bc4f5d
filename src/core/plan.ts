import { sha256 } from './canonical.ts'
import { type Difference, diff } from './diff.ts'
import type { Kind } from './model.ts'
import { drafted } from './plan-drafts.ts'
import { ordered } from './plan-order.ts'
import { withdrawn } from './plan-withdrawals.ts'
import type { Note, Plan, Planning, Step } from './step.ts'

/**
 * Turns what differs into steps that never break a reference, and says what it leaves undone and why.
 *
 * The same input gives the same plan. It never throws for what an item holds: that item is refused in a note, with
 * what depends on it, and all else proceeds. Nothing is removed or archived for lack of evidence, past the brake, or
 * (removed) without having been asked for by kind.
 */
export function plan(planning: Planning): Plan {
  const differences = diff(planning.wanted, planning.found, convergent(planning))
  const drafts = drafted(planning, differences.filter(isWanted))
  const making = ordered(planning, drafts.steps)
  const leaving = withdrawn(planning, differences.filter(isExtra), making.steps)
  const steps = [...making.steps, ...leaving.steps]
  const notes = [...drafts.notes, ...making.notes, ...leaving.notes].sort(byAddress)
  const digest = digestOfPlan(steps, notes)
  const { kindsFirst } = making
  return { steps, notes, kindsFirst, ...(leaving.brake === undefined ? {} : { brake: leaving.brake }), digest }
}

function convergent({ wanted, found, rules }: Planning): readonly Kind[] {
  const kinds = new Set([...wanted.kinds, ...found.kinds])
  return [...kinds].filter((kind) => rules.kind(kind)?.can.converge !== false)
}

function isWanted(one: Difference): one is Exclude<Difference, { is: 'extra' }> {
  return one.is !== 'extra'
}

function isExtra(one: Difference): one is Extract<Difference, { is: 'extra' }> {
  return one.is === 'extra'
}

function byAddress(one: Note, other: Note): number {
  if (one.address !== other.address) return one.address < other.address ? -1 : 1
  return one.is < other.is ? -1 : one.is > other.is ? 1 : 0
}

/** Bodies count through their digests. */
function digestOfPlan(steps: readonly Step[], notes: readonly Note[]): string {
  return sha256([...steps.map(lineOf), ...notes.map((note) => JSON.stringify(note))].join('\n'))
}

function lineOf(step: Step): string {
  const { address, after } = step
  switch (step.do) {
    case 'create':
      return JSON.stringify([step.do, address, step.to, step.source, step.origin, step.follows, after])
    case 'update':
      return JSON.stringify([step.do, address, step.from, step.to, step.source, step.origin, step.follows, after])
    case 'archive':
      return JSON.stringify([step.do, address, step.from, step.to, after])
    case 'remove':
      return JSON.stringify([step.do, address, step.from, after])
    default:
      return step satisfies never
  }
}
