import type { Command } from 'commander'
import { isServer, locationOfSide, nameOfSide } from '../../core/policy.ts'
import { type Protected, protectedVerb, underLease, within } from '../protected.ts'
import { act, examples } from '../verb.ts'

/** `holdfast apply`: makes the secondary's workspace, and what it stands on, be there. */
export function applyVerb(): Command {
  return protectedVerb(
    'apply',
    'make the secondary’s workspace and what it stands on, from a template; of a tracking server, see that it answers',
  )
    .addHelpText('after', examples('holdfast apply', 'holdfast apply && holdfast sync'))
    .action(
      act<Protected>((options, io) =>
        within(options, io, async (joined, signal) => {
          const { policy, estate, parts } = joined
          const [name, location] = [nameOfSide(policy.secondary), locationOfSide(policy.secondary)]
          parts.progress.phase(`making ${location}`)
          const remarks = await underLease(joined, async (tenure) => {
            const made = await estate.makeSecondary(AbortSignal.any([signal, tenure.signal]))
            await parts.learn(tenure, signal)
            return made
          })
          io.say(`The secondary stands: ${name}`)
          for (const remark of remarks) io.say(`Otherwise than the primary: ${remark}`)
          io.say('Next: `holdfast sync`.')
          io.facts({ ...(isServer(policy.secondary) ? { server: name } : { workspace: name }), location, remarks })
        }),
      ),
    )
}
