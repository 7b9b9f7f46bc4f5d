import type { Command } from 'commander'
import { point, workspaceConfig } from '../../engine/pointer.ts'
import { rolesOf } from '../../engine/roles.ts'
import { type Protected, protectedVerb, within } from '../protected.ts'
import { act, examples } from '../verb.ts'

/** `holdfast config`: the file that the vendor's clients find the active workspace by. */
export function configVerb(): Command {
  return protectedVerb('config', 'write the config.json by which MLClient.from_config() finds the active workspace')
    .option('--file <path>', 'where to write it; - prints it', 'config.json')
    .addHelpText(
      'after',
      examples('holdfast config', 'holdfast config --file .azureml/config.json', 'holdfast config --file -'),
    )
    .action(
      act<Protected & { readonly file: string }>((options, io) =>
        within(options, io, async ({ policy, parts }, signal) => {
          const { active, epoch } = await rolesOf(parts)
          const { workspace } = policy[active]
          if (options.file === '-') io.say(JSON.stringify(workspaceConfig(workspace), undefined, 2))
          else {
            const { changed } = await point(
              { file: options.file },
              { workspace, location: '', side: active, epoch },
              signal,
            )
            io.say(`${options.file} ${changed ? 'now points' : 'points already'} to the ${active}: ${workspace}`)
          }
          io.facts({ side: active, epoch, ...workspaceConfig(workspace) })
        }),
      ),
    )
}
