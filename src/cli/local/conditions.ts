import { Fault } from '../../core/errors.ts'
import { interruptible } from '../interruption.ts'
import type { Act } from '../verb.ts'
import { contentOf } from './break.ts'
import { dirOption, needEmulator } from './emulator.ts'
import { play, spanOf, stepsIn } from './script.ts'

/** A verb's argument beside the folder of the emulator. */
interface Given {
  readonly dir: string
  readonly first: string
}

export const LIMITS_EXAMPLE = `holdfast local limits '{"reads":{"burst":50,"perSecond":5}}'`

/** `holdfast local record`. */
export const record: Act<Given> = async ({ dir, first }, io) => {
  if (first !== 'calls' && first !== 'writes') {
    throw new Fault('usage/bad-argument', `${first} cannot be recorded`, { hint: 'Give calls or writes.' })
  }
  await needEmulator(dir).recordEveryCall(first === 'calls')
  io.facts({ recorded: first })
  io.say(first === 'calls' ? 'Every call is written down.' : 'Acknowledged writes are written down.')
}

/** `holdfast local limits`. */
export const limit: Act<Given> = async ({ dir, first }, io) => {
  const emulator = needEmulator(dir)
  await emulator.setLimits(first.startsWith('{') ? contentIn(first) : first)
  const { limits = {} } = await emulator.status()
  io.facts({ limits })
  const rows = Object.entries(limits as Readonly<Record<string, { burst: number; perSecond: number }>>)
  const shown = rows.map(([name, { burst, perSecond }]) => [name, String(burst), String(perSecond)])
  io.say(rows.length === 0 ? 'Nothing is limited.' : io.table(['LIMIT', 'AT ONCE', 'A SECOND'], shown))
}

/** `holdfast local clock`. */
export const moveClock: Act<Given> = async ({ dir, first }, io) => {
  const span = spanOf(first)
  const { clock } = await needEmulator(dir).setClock(span)
  io.facts({ clock })
  io.say(`It is ${clock?.now ?? 'another time'} there.`)
}

/** `holdfast local play`. */
export const playScript: Act<Given> = async ({ dir, first }, io) => {
  const steps = stepsIn(contentOf(first), first)
  const emulator = needEmulator(dir)
  const told = () =>
    new Fault('run/interrupted', 'The script was interrupted; what it had broken stays so', {
      hint: `Look with \`holdfast local status${dirOption(dir)}\`, and take it away with \`holdfast local heal${dirOption(dir)}\`.`,
    })
  await interruptible(io, (signal) => play(steps, emulator, { io, signal }), told)
}

function contentIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    throw new Fault('usage/bad-argument', `The limits are no JSON: ${why}`, { hint: `Such as: ${LIMITS_EXAMPLE}` })
  }
}
