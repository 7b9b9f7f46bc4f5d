import { type Command, Option } from 'commander'
import { counted } from '../../core/counted.ts'
import { Fault } from '../../core/errors.ts'
import type { Side } from '../../core/model.ts'
import { readable } from '../../core/readable.ts'
import { type Observation, observe } from '../../engine/observe.ts'
import { placeOf } from '../../engine/parts.ts'
import { rolesOf } from '../../engine/roles.ts'
import type { Service } from '../../services/service.ts'
import { nearest } from '../nearest.ts'
import { type Protected, protectedVerb, within } from '../protected.ts'
import { showUnread } from '../shown.ts'
import type { Terminal } from '../terminal.ts'
import { act, examples } from '../verb.ts'

interface Options extends Protected {
  readonly side?: Side
  readonly kind?: string
}

/** `holdfast inventory`: everything a side has, as it is now. */
export function inventoryVerb(): Command {
  return protectedVerb('inventory', 'list everything that a side has, as it is now')
    .addOption(new Option('--side <side>', 'which one (default: the active one)').choices(['primary', 'secondary']))
    .option('--kind <kind>', 'every item of one kind, by its address')
    .addHelpText(
      'after',
      examples('holdfast inventory', 'holdfast inventory --kind model', 'holdfast inventory --side secondary --json'),
    )
    .action(
      act<Options>((options, io) =>
        within(options, io, async ({ parts, carrying }, signal) => {
          const services = wanted(parts.services, options.kind)
          const side = options.side ?? (await rolesOf(parts)).active
          const place = await placeOf(parts, side, signal)
          const { now, progress } = parts
          const excluded = carrying.excluded ?? (() => false)
          const seen = await observe(place, { services, as: 'source', signal, excluded, now, progress })
          io.say(`${io.paint('bold', place.location)}  ${place.workspace}`)
          io.say()
          show(io, seen, options.kind)
          const items = [...seen.snapshot.items(options.kind)]
          io.facts({
            side,
            workspace: place.workspace,
            location: place.location,
            items: items.map(({ address, digest, needs, body }) => ({ address, digest, needs, body })),
            incomplete: Object.fromEntries(seen.incomplete),
          })
          demandRead(seen)
        }),
      ),
    )
}

function show(io: Terminal, { snapshot, incomplete }: Observation, kind: string | undefined): void {
  if (kind === undefined) {
    const rows = snapshot.kinds.map((one) => [one, String([...snapshot.items(one)].length)])
    io.say(io.table(['KIND', 'ITEMS'], rows))
  } else {
    const addresses = [...snapshot.items(kind)].map(({ address }) => address).sort()
    for (const address of addresses) io.say(readable(address))
    if (addresses.length === 0 && incomplete.size === 0) io.say(`There is no ${kind}.`)
  }
  showUnread(io, incomplete)
}

/** Only what is asked for is read. */
function wanted(services: readonly Service[], kind: string | undefined): readonly Service[] {
  const found = services.filter((one) => kind === undefined || one.kind === kind)
  if (kind === undefined || found.length > 0) return found
  const kinds = services.map((one) => one.kind)
  const meant = nearest(kind, kinds)
  throw new Fault('usage/bad-argument', `There is no kind “${kind}”`, {
    hint: meant === undefined ? `Give one of ${kinds.join(', ')}.` : `Did you mean ${meant}?`,
  })
}

/** @throws Fault `observe/incomplete` where a kind of either side could not be read to its end */
export function demandRead(...seen: readonly Observation[]): void {
  const unread = new Set(seen.flatMap(({ incomplete }) => [...incomplete.keys()])).size
  if (unread === 0) return
  throw new Fault('observe/incomplete', `${counted(unread, 'kind')} could not be read to the end`, {
    facts: { kinds: unread },
    hint: 'Correct what is said of each, or run it again later.',
  })
}
