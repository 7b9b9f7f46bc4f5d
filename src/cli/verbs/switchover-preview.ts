import { counted } from '../../core/counted.ts'
import { jobsSentence, type SwitchoverWish } from '../../core/persons/switchover.ts'
import { readable } from '../../core/readable.ts'
import { targetName } from '../../engine/pointer.ts'
import { standingBy } from '../../engine/promote.ts'
import type { Checked } from '../../engine/switchover/begin.ts'
import { named } from '../../engine/switchover/stopping.ts'
import { stepsByKind } from '../../engine/sync.ts'
import type { Composed } from '../compose/compose.ts'
import type { Terminal } from '../terminal.ts'

interface Shown {
  readonly checked: Checked
  readonly wish: SwitchoverWish
}

/** The plan of a switchover as a person reads it. */
export function showChecked(io: Terminal, { policy, parts }: Composed, { checked, wish }: Shown): void {
  const { from, to, prepared, open } = checked
  io.say(`${io.paint('bold', policy.name)}: the ${from} is active, the ${to} would take over`)
  if (prepared === undefined) return
  const kinds = [...stepsByKind(prepared.plan)].map(([kind, count]) => `${count} ${kind}`).join(', ')
  const raised = [...standingBy(parts)].map(({ address }) => readable(address))
  if (parts.unfenced === undefined) {
    io.say('  quiesce   schedules off over there; what acts is read a last time before')
    io.say(`  settle    ${jobsSentence(open.length, wish)}${open.length === 0 ? '' : ` (${named(open)})`}`)
  }
  io.say(`  carry     ${kinds === '' ? 'nothing that is known now' : kinds}, until no difference is left`)
  io.say(`  raise     ${raised.length === 0 ? 'nothing' : counted(raised.length, 'thing')}`)
  io.say(`  point     ${counted(policy.pointer.length, 'pointer')}`)
  io.say('  return    what is still written to the side that was left is carried over and named')
  const jobs =
    'Azure cannot be told to refuse jobs: one that is submitted meanwhile is cancelled there, and submitted again or listed.'
  io.say(parts.unfenced === undefined ? jobs : `${parts.unfenced}.`)
}

export function switchoverFacts({ policy, parts }: Composed, checked: Checked, wish: SwitchoverWish) {
  const { from, to, refusals, prepared, open } = checked
  return {
    protection: policy.name,
    from,
    to,
    jobs: wish.jobs,
    waitMilliseconds: wish.wait,
    refusals: refusals.map((one) => ({ ...one })),
    steps: prepared?.plan.steps.length ?? null,
    underWay: open.map(({ address }) => address),
    raises: [...standingBy(parts)].map(({ address }) => address),
    pointers: policy.pointer.map(targetName),
  }
}
