import type { Command } from 'commander'
import { counted } from '../../core/counted.ts'
import { roughly } from '../../core/duration.ts'
import { kindOf } from '../../core/model.ts'
import { inMaintenance, isServer, nameOfSide } from '../../core/policy.ts'
import { readable } from '../../core/readable.ts'
import { approvalNow } from '../../engine/deciding/proposing.ts'
import { type Loss, lossOf, openBy } from '../../engine/loss.ts'
import type { Parts } from '../../engine/parts.ts'
import { pauseNow } from '../../engine/pause.ts'
import { rolesOf } from '../../engine/roles.ts'
import { type Protected, protectedVerb, within } from '../protected.ts'
import { act, examples } from '../verb.ts'
import { approvalFacts, isOpen, showApproval } from './approve.ts'
import { pausedFacts, showPause } from './pause.ts'

/** `holdfast status`: who is active and how far the standby has come. It asks neither side. */
export function statusVerb(): Command {
  return protectedVerb('status', 'say who is active, and how far the standby has come')
    .addHelpText('after', examples('holdfast status', 'holdfast status --json'))
    .action(
      act<Protected>((options, io) =>
        within({ ...options, standing: 'named' }, io, async ({ policy, parts }) => {
          const roles = await rolesOf(parts)
          const pause = await pauseNow(parts)
          const synced = await parts.store.fact(parts.protection, 'synced')
          const loss = lossNow(parts)
          const age = loss.recoveryPoint === undefined ? undefined : parts.now() - loss.recoveryPoint
          const name = nameOfSide(policy[roles.active])
          io.say(`${io.paint('bold', policy.name)}: the ${roles.active} is active (epoch ${roles.epoch})`)
          io.say(`  ${name}`)
          showPause(io, pause)
          const approval = await approvalNow(parts)
          if (isOpen(approval, parts.now())) showApproval(io, approval, parts.now())
          if (inMaintenance(policy.maintenance, parts.now()))
            io.say(io.paint('yellow', '  A maintenance window is open: nothing fails over by itself.'))
          if (age === undefined) io.say(io.paint('yellow', '  No recovery point yet: run `holdfast sync`.'))
          else {
            const met = age <= policy.objectives.rpo
            const words = `recovery point ${roughly(age)} old, objective ${roughly(policy.objectives.rpo)}`
            io.say(`  ${io.paint(met ? 'green' : 'red', words)}`)
          }
          if (loss.refused.length > 0)
            io.say(io.paint('yellow', `  ${refusedSentence(loss)}: \`holdfast loss\` names each`))
          if (synced !== undefined)
            io.say(
              `  last pass ${new Date(Number(synced['endedAt'])).toISOString()}: ${String(synced['items'])} items, ${String(synced['steps'])} carried, ${String(synced['failed'])} failed`,
            )
          const rows = [...loss.counts].map(([kind, count]) => [
            kind,
            String(count),
            String(loss.items.filter((one) => kindOf(one.address) === kind).length),
          ])
          if (rows.length > 0) {
            io.say()
            io.say(io.table(['KIND', 'ITEMS', 'AT RISK'], rows))
          }
          io.facts({
            protection: policy.name,
            ...roles,
            ...(isServer(policy[roles.active]) ? { server: name } : { workspace: name }),
            recoveryPoint: isoOf(loss.recoveryPoint),
            ageMilliseconds: age ?? null,
            objectiveMilliseconds: policy.objectives.rpo,
            lastPass: synced ?? null,
            kinds: Object.fromEntries(loss.counts),
            paused: pausedFacts(pause),
            approval: approvalFacts(approval, parts.now()),
            maintenance: inMaintenance(policy.maintenance, parts.now()),
            atRisk: loss.items.length,
            refused: loss.refused,
          })
        }),
      ),
    )
}

/** `holdfast loss`: what would be lost if the active side were gone now. It asks neither side. */
export function lossVerb(): Command {
  return protectedVerb('loss', 'name what would be lost if the active side were gone now')
    .addHelpText('after', examples('holdfast loss', "holdfast loss --json | jq -r '.items[].address'"))
    .action(
      act<Protected>((options, io) =>
        within({ ...options, standing: 'named' }, io, async ({ parts }) => {
          const loss = lossNow(parts)
          const { recoveryPoint, items } = loss
          if (recoveryPoint === undefined) io.say('Everything: nothing was carried yet. Run `holdfast sync`.')
          else
            io.say(
              `Everything acknowledged until ${isoOf(recoveryPoint)} (${roughly(parts.now() - recoveryPoint)} ago) is in the standby; what is newer is in the active side alone.`,
            )
          if (loss.refused.length > 0) io.say(`${refusedSentence(loss)}.`)
          if (items.length > 0) {
            const rows = items.map(({ address, is, recoveryPoint: point, why }) => [
              readable(address),
              is === 'whole' ? 'all of it' : `since ${isoOf(point)}`,
              readable(why),
            ])
            io.say()
            io.say(io.table(['THING', 'LOST', 'WHY'], rows))
          }
          io.facts({
            recoveryPoint: isoOf(recoveryPoint),
            items: items.map((one) => ({ ...one, recoveryPoint: isoOf(one.recoveryPoint) })),
            refused: loss.refused,
          })
        }),
      ),
    )
}

function refusedSentence({ refused }: Loss): string {
  const were = counted(refused.length, 'thing was', 'things were')
  return `${were} never carried and cannot be, whatever the recovery point is`
}

export function lossNow(parts: Parts): Loss {
  return lossOf(parts.ledger, parts.protection, openBy(parts.services))
}

function isoOf(instant: number | undefined): string | null {
  return instant === undefined || instant === 0 ? null : new Date(instant).toISOString()
}
