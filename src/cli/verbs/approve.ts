import type { Command } from 'commander'
import { roughly } from '../../core/duration.ts'
import { type Approval, type Proposal, shortCode } from '../../core/persons/approval.ts'
import { approvalNow } from '../../engine/deciding/proposing.ts'
import { demandTaken } from '../../engine/words.ts'
import { type Protected, protectedVerb, within } from '../protected.ts'
import { say, wordOf } from '../saying.ts'
import type { Terminal } from '../terminal.ts'
import { act, examples } from '../verb.ts'

/** `holdfast approve`: a person's yes to the failover that a controller proposes. */
export function approveVerb(): Command {
  return protectedVerb('approve', 'show the failover that waits for an approval, or approve it by its code')
    .argument('[code]', 'the code that is shown, or the whole digest of the plan')
    .addHelpText(
      'after',
      `\nAn approval is good for exactly the plan that was shown, in its epoch, once, until it expires. The controller that runs carries it out.\n${examples('holdfast approve', 'holdfast approve 1f2e3d4c')}`,
    )
    .action((code: string | undefined, options: Protected, command: Command) =>
      act<Protected>((given, io) =>
        within(given, io, async (joined, signal) => {
          const { parts } = joined
          if (code !== undefined) {
            const taken = await say(joined, wordOf('approve', { code }), { io, signal })
            demandTaken(taken, 'See what waits for an approval with `holdfast approve`.')
            io.say('Approved. The controller carries it out at its next look.')
          }
          const approval = await approvalNow(parts)
          if (code === undefined) showApproval(io, approval, parts.now())
          io.facts({ protection: joined.policy.name, approval: approvalFacts(approval, parts.now()) })
        }),
      )(options, command),
    )
}

/** One line about a proposal that is open, or nothing. */
export function showApproval(io: Terminal, approval: Approval | undefined, now: number): void {
  if (isOpen(approval, now)) io.say(io.paint('yellow', `  ${proposedSentence(approval.proposal)}`))
  else io.say('Nothing waits for an approval.')
}

export function isOpen(approval: Approval | undefined, now: number): approval is Approval {
  return approval !== undefined && !approval.used && approval.givenBy === undefined && now < approval.proposal.expires
}

export function proposedSentence(proposal: Proposal): string {
  const { from, to, acceptLoss, expires, reason } = proposal
  const until = new Date(expires).toISOString()
  return `Proposes a failover from the ${from} to the ${to}, with at most ${roughly(acceptLoss)} of work lost. ${reason}. Approve it until ${until}: \`holdfast approve ${shortCode(proposal)}\``
}

export function approvalFacts(approval: Approval | undefined, now: number): object | null {
  if (approval === undefined) return null
  const { proposal, givenBy, used } = approval
  const state = used ? 'used' : now >= proposal.expires ? 'expired' : givenBy === undefined ? 'open' : 'given'
  return {
    ...proposal,
    code: shortCode(proposal),
    expires: new Date(proposal.expires).toISOString(),
    by: givenBy ?? null,
    state,
  }
}
