import type { Command } from 'commander'
import type { Step } from '../../core/step.ts'
import { type Prepared, prepare, stepsByKind } from '../../engine/sync.ts'
import { type Protected, protectedVerb, rolesOf, within } from '../protected.ts'
import type { Style, Terminal } from '../terminal.ts'
import { act, examples } from '../verb.ts'

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
    .option('--all', 'print every step')
    .addHelpText('after', examples('holdfast plan', 'holdfast plan --all', 'holdfast plan --json'))
    .action(
      act<Protected & { readonly all?: boolean }>((options, io) =>
        within(options, io, async ({ parts, carrying }, signal) => {
          const prepared = await prepare({ parts, active: (await rolesOf(parts)).active, carrying, signal })
          showPlan(io, prepared, options.all === true ? Number.POSITIVE_INFINITY : SHOWN)
          io.facts(factsOfPlan(prepared))
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
    io.say(`  ${io.paint(style, mark)} ${step.address}`)
  }
  if (plan.steps.length > most) io.say(`  … and ${plan.steps.length - most} more (--all)`)
  for (const note of plan.notes.slice(0, most)) io.say(`  ${io.paint('dim', note.is)} ${note.address}: ${note.reason}`)
  for (const [side, seen] of [
    ['source', source],
    ['target', target],
  ] as const) {
    for (const [kind, why] of seen.incomplete)
      io.say(`  ${io.paint('yellow', 'not read')} ${kind} at the ${side}: ${why}`)
  }
  if (plan.brake !== undefined) {
    io.say(
      io.paint(
        'red',
        `  The brake holds: ${plan.brake.withdrawals} withdrawals, ${plan.brake.allowed} allowed without consent.`,
      ),
    )
  }
  const kinds = [...stepsByKind(plan)].map(([kind, count]) => `${count} ${kind}`).join(', ')
  io.say(plan.steps.length === 0 ? 'Nothing to do.' : `${plan.steps.length} steps: ${kinds}.`)
}

export function factsOfPlan({ plan, source, target, ends }: Prepared): Readonly<Record<string, unknown>> {
  return {
    from: {
      location: ends.source.location,
      items: source.snapshot.size,
      incomplete: Object.fromEntries(source.incomplete),
    },
    to: {
      location: ends.target.location,
      items: target.snapshot.size,
      incomplete: Object.fromEntries(target.incomplete),
    },
    digest: plan.digest,
    steps: plan.steps.map((step) => ({ do: step.do, address: step.address })),
    notes: plan.notes,
    brake: plan.brake ?? null,
  }
}
