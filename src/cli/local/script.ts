import { setTimeout as sleep } from 'node:timers/promises'
import { parseDuration } from '../../core/duration.ts'
import { Fault } from '../../core/errors.ts'
import type { Terminal } from '../terminal.ts'
import type { Emulator, EmulatorFault } from './emulator.ts'

/** The longest that a timer waits. One that is set for longer ends at once. */
const LONGEST_WAIT = 24 * 24 * 3_600_000

/** One step of a script: what happens, so long after the step before. */
interface Step {
  readonly after: number
  readonly does: string
  act(emulator: Emulator): Promise<unknown>
}

type Given = Readonly<Record<string, unknown>>

/** What a step can do, by the field that names it; the value is what the field holds. */
const ACTS: Readonly<Record<string, (value: unknown) => Pick<Step, 'does' | 'act'>>> = {
  break: (value) => {
    const faults = (Array.isArray(value) ? value : [value]) as readonly EmulatorFault[]
    return {
      does: `break: ${faults.map(({ is, at }) => [is, at].filter(Boolean).join(' at ')).join(', ')}`,
      act: async (emulator) => emulator.setFaults([...(await emulator.faults()), ...faults]),
    }
  },
  heal: (value) => ({
    does: value === true ? 'heal' : `heal ${String(value)}`,
    act: async (emulator) => {
      const named = (fault: EmulatorFault) => fault['at'] === value || isBetween(fault, value)
      await emulator.setFaults(value === true ? [] : (await emulator.faults()).filter((fault) => !named(fault)))
    },
  }),
  kill: (region) => ({ does: `kill ${String(region)}`, act: (emulator) => emulator.region(String(region), 'kill') }),
  stop: (region) => ({ does: `stop ${String(region)}`, act: (emulator) => emulator.region(String(region), 'stop') }),
  start: (region) => ({ does: `start ${String(region)}`, act: (emulator) => emulator.region(String(region), 'start') }),
  clock: (ahead) => ({
    does: `clock ${String(ahead)} ahead`,
    act: (emulator) => emulator.setClock(spanOf(String(ahead))),
  }),
  load: (name) => ({ does: `load ${String(name)}`, act: (emulator) => emulator.load(String(name)) }),
  limits: (limits) => ({ does: `limits ${JSON.stringify(limits)}`, act: (emulator) => emulator.setLimits(limits) }),
}

/** Reads the steps of a script, or says which one is wrong. */
export function stepsIn(content: unknown, path: string): readonly Step[] {
  const steps = (content as Given | null)?.['steps']
  if (Array.isArray(steps) && steps.length > 0) return steps.map((step, index) => stepOf(step, index, path))
  throw new Fault('usage/bad-argument', `${path} is no script`, { hint: 'Write a list of steps under `steps`.' })
}

function stepOf(given: unknown, index: number, path: string): Step {
  const wrong = (what: string) =>
    new Fault('usage/bad-argument', `Step ${index + 1} in ${path} ${what}`, {
      hint: `Give one of ${Object.keys(ACTS).join(', ')}, and \`after\`, such as 10s.`,
    })
  if (typeof given !== 'object' || given === null) throw wrong('is no object')
  const { after = '0s', ...rest } = given as Given
  const [field, ...more] = Object.keys(rest)
  const make = field === undefined ? undefined : ACTS[field]
  if (make === undefined || field === undefined || more.length > 0) throw wrong('does not name one thing to do')
  const span = spanOf(String(after))
  if (span < 0 || span > LONGEST_WAIT) throw wrong('does not come within 24 days after the one before')
  return { after: span, ...make(rest[field]) }
}

/** Milliseconds of a text such as `10s`, `14d` or `-1h`; 0 is no time. */
export function spanOf(text: string): number {
  const [, sign = '', span = ''] = /^(-?)(.*)$/.exec(text.trim()) ?? []
  const milliseconds = /^0[a-z]*$/.test(span) ? 0 : parseDuration(span)
  if (milliseconds !== undefined) return sign === '-' ? -milliseconds : milliseconds
  throw new Fault('usage/bad-argument', `${text} is no span of time`, { hint: 'Give one such as 90s, 5m, 14d or -1h.' })
}

function isBetween(fault: EmulatorFault, value: unknown): boolean {
  const between = fault['between']
  return Array.isArray(between) && between.includes(value)
}

/** Does the steps of a script at their times, and tells each. None begins once the signal is aborted. */
export async function play(
  steps: readonly Step[],
  emulator: Emulator,
  { io, signal }: { readonly io: Terminal; readonly signal: AbortSignal },
): Promise<void> {
  for (const { after, does, act } of steps) {
    await sleep(after, undefined, { signal })
    await act(emulator)
    io.event({ at: new Date().toISOString(), does })
    if (!io.json) io.say(does)
  }
}
