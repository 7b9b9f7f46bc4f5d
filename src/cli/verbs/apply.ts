import type { Command } from 'commander'
import { makeSecondary } from '../compose/secondary.ts'
import { type Protected, protectedVerb, underLease, within } from '../protected.ts'
import { act, examples } from '../verb.ts'

/** `holdfast apply`: makes the secondary's workspace, and what it stands on, be there. */
export function applyVerb(): Command {
  return protectedVerb('apply', 'make the secondary’s workspace and what it stands on, from a template')
    .addHelpText('after', examples('holdfast apply', 'holdfast apply && holdfast sync'))
    .action(
      act<Protected>((options, io) =>
        within(options, io, async (joined, signal) => {
          const { policy, azure, parts } = joined
          const { workspace, location } = policy.secondary
          parts.progress.phase(`making ${location}`)
          await underLease(joined, async (tenure) => {
            await makeSecondary(azure, policy, AbortSignal.any([signal, tenure.signal]))
            await parts.learn(tenure, signal)
          })
          io.say(`The secondary stands: ${workspace}`)
          io.say('Next: `holdfast sync`.')
          io.facts({ workspace, location })
        }),
      ),
    )
}
