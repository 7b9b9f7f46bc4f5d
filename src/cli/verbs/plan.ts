import type { Command } from 'commander'
import { counted } from '../../core/counted.ts'
import { otherSide } from '../../core/model.ts'
import { readable } from '../../core/readable.ts'
import type { Plan, Step } from '../../core/step.ts'
import type { Observation } from '../../engine/observe.ts'
import { rolesOf } from '../../engine/roles.ts'
import { type Prepared, prepare, stepsByKind } from '../../engine/sync.ts'
import type { Place } from '../../services/service.ts'
import { showAway } from '../away.ts'
import { lackingSaid, showLacking } from '../lacking.ts'
import { type Protected, protectedVerb, within } from '../protected.ts'
import { showUnread } from '../shown.ts'
import type { Style, Terminal } from '../terminal.ts'
import { act, examples } from '../verb.ts'
import { demandRead } from './inventory.ts'

const MARKS: Readonly<Record<Step['do'], readonly [mark: string, style: Style]>> = {
  create: ['+', 'green'],
  update: ['~', 'yellow'],
  archive: ['±', 'yellow'],
  remove: ['-', 'red'],
}

/** Lines that a person still reads; the rest is one option away. */
const SHOWN = 40

/** `holdfast plan`: what would make the standby follow, and nothing done. */
export function planVerb(): Command {
  return protectedVerb('plan', 'print what would make the standby follow, and what stays undone and why')

    .option('--all', `print every step and note, not the first ${SHOWN} of each`)
    .addHelpText('after', examples('holdfast plan', 'holdfast plan --all', 'holdfast plan --json'))
    .action(
      act<Protected & { readonly all?: boolean }>((options, io) =>
        within(options, io, async ({ parts, carrying }, signal) => {
          const roles = await rolesOf(parts)
          const away = await showAway(io, parts, roles)
          const prepared = await prepare({ parts, active: roles.active, carrying, signal })
          const asking = { parts, side: otherSide(roles.active), signal }
          const lacking = await lackingSaid(asking, ({ kind }) => prepared.source.snapshot.items(kind))
          showPlan(io, prepared, options.all === true ? Number.POSITIVE_INFINITY : SHOWN)
          showLacking(io, lacking)
          io.facts({ ...factsOfPlan(prepared), away: away ?? null, lacking })
          demandRead(prepared.source, prepared.target)
        }),
      ),
    )
}

export function showPlan(io: Terminal, { plan, source, target, ends }: Prepared, most = SHOWN): void {
  io.say(
    `From ${io.paint('bold', ends.source.location)} (${source.snapshot.size} items) to ${io.paint('bold', ends.target.location)} (${target.snapshot.size} items)`,
  )
  for (const step of plan.steps.slice(0, most)) {
    const [mark, style] = MARKS[step.do]
    io.say(`  ${io.paint(style, mark)} ${readable(step.address)}`)
  }
  if (plan.steps.length > most) io.say(`  … and ${counted(plan.steps.length - most, 'more step')} (--all)`)
  for (const note of plan.notes.slice(0, most))
    io.say(`  ${io.paint('dim', note.is)} ${readable(note.address)}: ${readable(note.reason)}`)
  if (plan.notes.length > most) io.say(`  … and ${counted(plan.notes.length - most, 'more note')} (--all)`)
  showUnread(io, source.incomplete, ` in ${ends.source.location}`)
  showUnread(io, target.incomplete, ` in ${ends.target.location}`)
  if (plan.brake !== undefined) io.say(brakeSentence(io, plan))
  const kinds = [...stepsByKind(plan)].map(([kind, count]) => `${count} ${kind}`).join(', ')
  io.say(plan.steps.length === 0 ? 'Nothing to do.' : `${counted(plan.steps.length, 'step')}: ${kinds}.`)
}

/** What the brake holds back, and how a person lifts it for this one plan. */
export function brakeSentence(io: Terminal, { brake, digest }: Plan): string {
  const held = `  The brake holds: ${brake?.withdrawals} withdrawals, ${brake?.allowed} allowed without consent.`
  return `${io.paint('red', held)} \`holdfast sync --allow-withdrawals ${digest.slice(0, 8)}\` lifts it for this plan.`
}

/** What was read of both sides, each with what could not be. */
export function factsOfSides({ source, target, ends }: Prepared): Readonly<Record<string, unknown>> {
  const read = ({ location }: Place, { snapshot, incomplete }: Observation) => ({
    location,
    items: snapshot.size,
    incomplete: Object.fromEntries(incomplete),
  })
  return { from: read(ends.source, source), to: read(ends.target, target) }
}

export function factsOfPlan(prepared: Prepared): Readonly<Record<string, unknown>> {
  const { plan } = prepared
  return {
    ...factsOfSides(prepared),
    digest: plan.digest,
    steps: plan.steps.map((step) => ({ do: step.do, address: step.address })),
    notes: plan.notes,
    brake: plan.brake ?? null,
  }
}
