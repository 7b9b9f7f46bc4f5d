import type { Command } from 'commander'
import { Fault } from '../../core/errors.ts'
import type { Address } from '../../core/model.ts'
import { readable } from '../../core/readable.ts'
import { selector } from '../../core/selector.ts'
import { conflictsOf, settleConflicts } from '../../engine/roles.ts'
import { type Protected, protectedVerb, underLease, within } from '../protected.ts'
import type { Terminal } from '../terminal.ts'
import { act, examples } from '../verb.ts'

/** `holdfast resolve`: what both sides changed while they were apart, and a person's word on it. */
export function resolveVerb(): Command {
  return protectedVerb('resolve', 'list what both sides changed while they were apart, or let the active side’s stand')
    .argument('[things...]', 'addresses or selectors of conflicts that are settled; none lists them')
    .addHelpText(
      'after',
      `\nWhat is settled is followed again: the next pass carries the active side’s over the other’s. Save the other’s first, if it is wanted. It needs the lease: where \`holdfast serve\` holds it, end that first and start it again afterwards.\n${examples('holdfast resolve', 'holdfast resolve component/prepare', "holdfast resolve 'datastore/*'")}`,
    )
    .action((things: readonly string[], options: Protected, command: Command) =>
      act<Protected>((given, io) =>
        within(given, io, async (joined) => {
          const before = await conflictsOf(joined.parts)
          if (things.length === 0) return list(io, before)
          demandAll(things, Object.keys(before))
          const isMeant = (address: Address) => things.some((one) => selector(one)(address))
          const { settled, left } = await underLease(joined, (tenure) => settleConflicts(joined.parts, tenure, isMeant))
          for (const address of settled) io.say(`${readable(address)} is followed again from the next pass on`)
          io.facts({ settled, left })
        }),
      )(options, command),
    )
}

function list(io: Terminal, conflicts: Readonly<Record<Address, string>>): void {
  const rows = Object.entries(conflicts).map(([address, why]) => [readable(address), String(why)])
  io.say(rows.length === 0 ? 'Nothing waits for a person.' : io.table(['THING', 'WHY'], rows))
  io.facts({ conflicts })
}

function demandAll(things: readonly string[], known: readonly string[]): void {
  const unknown = things.filter((one) => !known.some((address) => selector(one)(address as Address)))
  if (unknown.length === 0) return
  throw new Fault('usage/bad-argument', `No conflict is called ${unknown.join(', ')}`, {
    hint: 'See them with `holdfast resolve`.',
  })
}
