import type { Command } from 'commander'
import type { Milliseconds } from '../../core/duration.ts'
import type { Pause } from '../../core/persons/pause.ts'
import { pauseNow } from '../../engine/pause.ts'
import { demandTaken } from '../../engine/words.ts'
import { someDuration } from '../arguments.ts'
import { type Protected, protectedVerb, within } from '../protected.ts'
import { say, wordOf } from '../saying.ts'
import type { Terminal } from '../terminal.ts'
import { act, examples } from '../verb.ts'

interface Options extends Protected {
  readonly for?: Milliseconds
  readonly why?: string
}

/** `holdfast pause`: nothing automatic until it ends. */
export function pauseVerb(): Command {
  return protectedVerb('pause', 'hold what is automatic: no controller fails over by itself meanwhile')
    .option('--for <duration>', 'end it by itself after so long (default: `holdfast resume` ends it)', someDuration)
    .option('--why <text>', 'what others read who wonder')
    .addHelpText(
      'after',
      `\nPasses go on, and so does a failover that has begun. What a person asks for by hand is not held, but for a switchover.\n${examples('holdfast pause --for 2h --why "network maintenance"', 'holdfast pause', 'holdfast resume')}`,
    )
    .action(
      act<Options>((options, io) =>
        within(options, io, async (joined, signal) => {
          const { why = '', for: milliseconds } = options
          const word = wordOf('pause', { why, ...(milliseconds === undefined ? {} : { milliseconds }) })
          demandTaken(await say(joined, word, { io, signal }), 'Run it again.')
          const pause = await pauseNow(joined.parts)
          if (pause !== undefined) io.say(pausedSentence(pause))
          io.facts({ protection: joined.policy.name, paused: pausedFacts(pause) })
        }),
      ),
    )
}

/** `holdfast resume`: what is automatic acts again. */
export function resumeVerb(): Command {
  return protectedVerb('resume', 'end a pause: what is automatic may act again')
    .addHelpText('after', examples('holdfast resume'))
    .action(
      act<Protected>((options, io) =>
        within(options, io, async (joined, signal) => {
          const taken = await say(joined, wordOf('resume'), { io, signal })
          io.say('refused' in taken ? `${taken.refused}: nothing was done.` : 'What is automatic may act again.')
          io.facts({ protection: joined.policy.name, paused: pausedFacts(await pauseNow(joined.parts)) })
        }),
      ),
    )
}

/** One line for whoever wonders why nothing happens by itself. */
export function pausedSentence({ by, why, until }: Pause): string {
  const end = until === undefined ? 'until `holdfast resume`' : `until ${new Date(until).toISOString()}`
  return `Paused by ${by} ${end}${why === '' ? '' : `: ${why}`}. Nothing fails over by itself meanwhile.`
}

export function pausedFacts(pause: Pause | undefined): object | null {
  if (pause === undefined) return null
  const { by, why, since, until } = pause
  const iso = (instant: number) => new Date(instant).toISOString()
  return { by, why, since: iso(since), until: until === undefined ? null : iso(until) }
}

/** Says so where what is automatic is held. */
export function showPause(io: Terminal, pause: Pause | undefined): void {
  if (pause !== undefined) io.say(io.paint('yellow', `  ${pausedSentence(pause)}`))
}
