import type { Command } from 'commander'
import { counted } from '../../core/counted.ts'
import { Fault } from '../../core/errors.ts'
import type { FieldDifference } from '../../core/fields.ts'
import type { Json } from '../../core/model.ts'
import { readable } from '../../core/readable.ts'
import { type Drift, driftOf } from '../../engine/drift.ts'
import { rolesOf } from '../../engine/roles.ts'
import { type Prepared, prepare } from '../../engine/sync.ts'
import { showAway } from '../away.ts'
import { withoutSecrets } from '../drift-shown.ts'
import { type Protected, protectedVerb, within } from '../protected.ts'
import { showUnread } from '../shown.ts'
import type { Terminal } from '../terminal.ts'
import { act, examples } from '../verb.ts'
import { demandRead } from './inventory.ts'
import { factsOfSides } from './plan.ts'

interface Options extends Protected {
  readonly exitCode?: boolean
}

/** Fields of one thing that a person still reads. */
const FIELDS = 5
const LONGEST = 60

/** `holdfast drift`: where the sides differ, and nothing done. */
export function driftVerb(): Command {
  return protectedVerb('drift', 'say where the two sides differ, field by field')
    .option('--exit-code', 'end with 25 if they do, for scripts')
    .addHelpText(
      'after',
      examples('holdfast drift', 'holdfast drift --exit-code && echo the same', 'holdfast drift --json'),
    )
    .action(
      act<Options>((options, io) =>
        within(options, io, async ({ parts, carrying }, signal) => {
          const roles = await rolesOf(parts)
          const away = await showAway(io, parts, roles)
          const prepared = await prepare({ parts, active: roles.active, carrying, signal })
          const drifts = driftOf(prepared).map(withoutSecrets)
          show(io, prepared, drifts)
          const { source, target } = prepared
          io.facts({ ...factsOfSides(prepared), away: away ?? null, differences: drifts })
          demandRead(source, target)
          if (options.exitCode === true && drifts.length > 0) throw differ(drifts)
        }),
      ),
    )
}

function differ(drifts: readonly Drift[]): Fault {
  return new Fault('sync/drift', `The sides differ in ${counted(drifts.length, 'thing')}`, {
    facts: { differences: drifts.length },
    hint: 'Run `holdfast sync`; what it may not do is named with its reason.',
  })
}

function show(io: Terminal, { source, target, ends }: Prepared, drifts: readonly Drift[]): void {
  const [from, to] = [ends.source.location, ends.target.location]
  const words = { missing: `only in ${from}`, extra: `only in ${to}`, different: 'different' }
  const width = Math.max(...Object.values(words).map(({ length }) => length))
  for (const { address, is, fields = [], why } of drifts) {
    const style = is === 'missing' ? 'green' : is === 'extra' ? 'red' : 'yellow'
    const reason = why === undefined ? '' : `: ${readable(why)}`
    io.say(`${io.paint(style, words[is].padEnd(width))}  ${readable(address)}${reason}`)
    for (const field of fields.slice(0, FIELDS)) io.say(`${' '.repeat(width)}    ${fieldLine(field, from, to)}`)
    if (fields.length > FIELDS)
      io.say(`${' '.repeat(width)}    … and ${counted(fields.length - FIELDS, 'more field')} (--json)`)
  }
  showUnread(io, source.incomplete, ` in ${from}`)
  showUnread(io, target.incomplete, ` in ${to}`)
  const unread = source.incomplete.size + target.incomplete.size > 0
  if (drifts.length > 0) io.say(`${from} and ${to} differ in ${counted(drifts.length, 'thing')}.`)
  else if (!unread) io.say(`${from} and ${to} are the same: ${counted(source.snapshot.size, 'item')}.`)
}

function fieldLine({ path, one, other }: FieldDifference, from: string, to: string): string {
  return `${path === '' ? 'all of it' : path}: ${shown(one)} in ${from}, ${shown(other)} in ${to}`
}

function shown(value: Json | undefined): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value)
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`
}
