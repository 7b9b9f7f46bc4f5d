import type { Command } from 'commander'
import { locationOfSide, nameOfSide } from '../../core/policy.ts'
import { placeConfig, point } from '../../engine/pointer.ts'
import { rolesOf } from '../../engine/roles.ts'
import { type Protected, protectedVerb, within } from '../protected.ts'
import { act, examples } from '../verb.ts'

/** `holdfast config`: the file that clients find the active side by. */
export function configVerb(): Command {
  return protectedVerb(
    'config',
    'write the config.json by which MLClient.from_config() finds the active workspace, or the URI of the active tracking server',
  )
    .option('--file <path>', 'where to write it; - prints it', 'config.json')
    .addHelpText(
      'after',
      examples('holdfast config', 'holdfast config --file .azureml/config.json', 'holdfast config --file -'),
    )
    .action(
      act<Protected & { readonly file: string }>((options, io) =>
        within({ ...options, standing: 'named' }, io, async ({ policy, parts }, signal) => {
          const { active, epoch } = await rolesOf(parts)
          const [name, location] = [nameOfSide(policy[active]), locationOfSide(policy[active])]
          io.facts({ side: active, epoch, ...placeConfig(name) })
          if (options.file === '-') return io.say(JSON.stringify(placeConfig(name), undefined, 2))
          const { changed } = await point({ file: options.file }, { name, location, side: active, epoch }, signal)
          io.say(`${options.file} ${changed ? 'now points' : 'points already'} to the ${active}: ${name}`)
          io.facts({ file: options.file, changed })
        }),
      ),
    )
}
