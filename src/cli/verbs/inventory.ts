import type { Command } from 'commander'
import { Fault } from '../../core/errors.ts'
import type { Side } from '../../core/model.ts'
import { observe } from '../../engine/observe.ts'
import { type Protected, protectedVerb, rolesOf, within } from '../protected.ts'
import { act, examples } from '../verb.ts'

interface Options extends Protected {
  readonly side?: Side
  readonly kind?: string
}

/** `holdfast inventory`: everything a side has, as it is now. */
export function inventoryVerb(): Command {
  return protectedVerb('inventory', 'list everything that a side has, as it is now')
    .option('--side <side>', 'primary or secondary (default: the active one)')
    .option('--kind <kind>', 'every item of one kind')
    .addHelpText(
      'after',
      examples('holdfast inventory', 'holdfast inventory --kind model', 'holdfast inventory --side secondary --json'),
    )
    .action(
      act<Options>((options, io) =>
        within(options, io, async ({ parts, carrying }, signal) => {
          const side = sideOf(options.side) ?? (await rolesOf(parts)).active
          const place = await parts.open(side, signal)
          if (place === undefined)
            throw new Fault('policy/missing', `The workspace of the ${side} does not exist`, {
              hint: 'Make it with `holdfast apply`.',
            })
          const { services, now, progress } = parts
          const seen = await observe(place, {
            services,
            as: 'source',
            signal,
            excluded: carrying.excluded ?? (() => false),
            now,
            progress,
          })
          io.say(`${io.paint('bold', place.location)}  ${place.workspace}`)
          io.say()
          if (options.kind === undefined)
            io.say(
              io.table(
                ['KIND', 'ITEMS'],
                seen.snapshot.kinds.map((kind) => [kind, String([...seen.snapshot.items(kind)].length)]),
              ),
            )
          else
            for (const item of [...seen.snapshot.items(options.kind)].sort((a, b) => (a.address < b.address ? -1 : 1)))
              io.say(item.address)
          for (const [kind, why] of seen.incomplete) io.say(`${io.paint('yellow', 'not read')}  ${kind}: ${why}`)
          const items = [...seen.snapshot.items(options.kind)].map(({ address, digest, needs, body }) => ({
            address,
            digest,
            needs,
            body,
          }))
          io.facts({
            side,
            workspace: place.workspace,
            location: place.location,
            items,
            incomplete: Object.fromEntries(seen.incomplete),
          })
          if (seen.incomplete.size > 0)
            throw new Fault('observe/incomplete', `${seen.incomplete.size} kinds could not be read to their end`, {
              hint: 'Run it again.',
            })
        }),
      ),
    )
}

function sideOf(given: string | undefined): Side | undefined {
  if (given === undefined || given === 'primary' || given === 'secondary') return given
  throw new Fault('usage/bad-argument', `--side is “${given}”`, { hint: 'Give primary or secondary.' })
}
