import { Fault } from '../core/errors.ts'
import type { Roles } from '../core/model.ts'
import type { Parts } from '../engine/parts.ts'
import { type Away, sideAway } from '../engine/roles.ts'
import { underWay } from '../engine/under-way.ts'
import type { Terminal } from './terminal.ts'

/** Refuses to carry anything while a failover is half done. */
export async function demandNoneUnderWay(parts: Parts): Promise<void> {
  const running = await underWay(parts)
  if (running === undefined) return
  const { id, move } = running
  const what = move === 'switchover' ? 'Switchover' : 'Failover'
  throw new Fault('run/held', `${what} ${id} has begun and not ended; nothing else may be carried meanwhile`, {
    facts: { failover: id },
    hint: `Carry it to its end with \`holdfast ${move} --yes\`, or let \`holdfast serve\` do it.`,
  })
}

/** Says so where the side that would be compared was left by a failover and not taken back. */
export async function showAway(io: Terminal, parts: Parts, roles: Roles): Promise<Away | undefined> {
  const away = await sideAway(parts, roles)
  if (away !== undefined) {
    const { side, failover } = away
    io.say(
      `${io.paint('yellow', 'away')}  The ${side} was left by failover ${failover}. \`holdfast sync\` fences it and carries over what only it has, before anything else is done with it.`,
    )
  }
  return away
}
