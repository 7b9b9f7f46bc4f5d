import type { Command } from 'commander'
import type { Terminal } from '../terminal.ts'
import { type Act, act } from '../verb.ts'
import { needEmulator, type SavedState } from './emulator.ts'

interface At {
  readonly dir: string
}

/** Makes a verb with the options that all verbs of the emulator take. */
type VerbOf = (name: string, description: string, ...lines: readonly string[]) => Command

/** `holdfast local save`, `load` and `saved`. */
export function addSaved(verbOf: VerbOf): void {
  verbOf('save', 'save everything as it is now under a name', 'holdfast local save before-the-storm')
    .argument('<name>', 'letters, digits, ., _ and -')
    .option('--replace', 'in the place of what has the name')
    .action((name: string, options: At, command: Command) =>
      act<At & { readonly replace?: boolean }>(({ dir, replace = false }, io) => save(io, dir, { name, replace }))(
        options,
        command,
      ),
    )
  verbOf('load', 'put a saved state in the place of what is there', 'holdfast local load before-the-storm')
    .argument('<name>', 'a saved state, as `holdfast local saved` names it')
    .action((name: string, options: At, command: Command) =>
      act<At>(({ dir }, io) => load(io, dir, name))(options, command),
    )
  verbOf('saved', 'list the saved states, or remove one', 'holdfast local saved', 'holdfast local saved --remove old')
    .option('--remove <name>', 'remove this one')
    .action(act(saved))
}

async function save(io: Terminal, dir: string, of: { name: string; replace: boolean }): Promise<void> {
  const all = await needEmulator(dir).save(of.name, of.replace)
  io.facts({ saved: all })
  io.say(`Saved. Bring it back with:  holdfast local load ${of.name}`)
}

async function load(io: Terminal, dir: string, name: string): Promise<void> {
  const status = await needEmulator(dir).load(name)
  io.facts(status)
  io.say(`All is as it was saved in ${name}. It is ${status.clock?.now ?? 'that time'} there, and nothing is broken.`)
}

const saved: Act<At & { readonly remove?: string }> = async ({ dir, remove }, io) => {
  const emulator = needEmulator(dir)
  const all = remove === undefined ? await emulator.saved() : await emulator.removeSaved(remove)
  io.facts({ saved: all })
  const row = ({ name, savedAt, regions }: SavedState) => [name, savedAt, regions.join(', ')]
  io.say(all.length === 0 ? 'Nothing is saved.' : io.table(['NAME', 'SAVED', 'REGIONS'], all.map(row)))
}
