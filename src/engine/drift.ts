import { differingFields, type FieldDifference } from '../core/fields.ts'
import type { Address, Item } from '../core/model.ts'
import type { Prepared } from './sync.ts'

/** One thing that is not the same on both sides, but for what a standby is meant to have otherwise. */
export interface Drift {
  readonly address: Address
  /** `missing`: the standby lacks it. `extra`: only the standby has it. */
  readonly is: 'missing' | 'extra' | 'different'
  /** What the next pass would do about it; `nothing` where it may not. */
  readonly next: 'create' | 'update' | 'archive' | 'remove' | 'nothing'
  /** Where it is different: `one` is what the active side asks for, `other` what the standby has. */
  readonly fields?: readonly FieldDifference[]
  /** Why nothing is done. */
  readonly why?: string
}

/** Where the sides differ, by what would make them the same. What could not be read is in the observations. */
export function driftOf({ plan, source, target }: Prepared): readonly Drift[] {
  const found = new Map<Address, Drift>()
  for (const step of plan.steps) {
    const { address } = step
    if (step.do === 'create') found.set(address, { address, is: 'missing', next: step.do })
    else if (step.do === 'update') {
      const fields = fieldsOf(step.item, target.snapshot.get(address))
      found.set(address, { address, is: 'different', next: step.do, fields })
    } else found.set(address, { address, is: 'extra', next: step.do })
  }
  for (const note of plan.notes) {
    const { address, reason: why } = note
    const counts =
      note.is === 'refused' ||
      (note.is === 'kept' && ['extra', 'brake', 'undecided', 'observed'].includes(note.because))
    if (!counts || found.has(address)) continue
    const [wanted, there] = [source.snapshot.get(address), target.snapshot.get(address)]
    if (wanted === undefined) found.set(address, { address, is: 'extra', next: 'nothing', why })
    else if (there === undefined) found.set(address, { address, is: 'missing', next: 'nothing', why })
    else found.set(address, { address, is: 'different', next: 'nothing', fields: fieldsOf(wanted, there), why })
  }
  return [...found.values()].sort((one, other) => (one.address < other.address ? -1 : 1))
}

function fieldsOf(wanted: Item, there: Item | undefined): readonly FieldDifference[] {
  return there === undefined ? [] : differingFields(wanted.body, there.body)
}
