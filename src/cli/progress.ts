import type { Progress } from '../engine/parts.ts'
import type { Terminal } from './terminal.ts'

/** Milliseconds between two drawings of the moving line. */
const FRAME = 100

/** A progress that a person sees: a moving line on a terminal, a line a phase elsewhere. Nothing goes to standard output under `--json`. */
export function shownProgress(io: Terminal): Progress & { done(): void } {
  let phase = ''
  let total: number | undefined
  let count = 0
  let began = performance.now()
  let drawn = 0

  function draw(force = false): void {
    if (!io.live || (!force && performance.now() - drawn < FRAME)) return
    drawn = performance.now()
    process.stderr.write(
      `\r\u001b[2K${phase === '' ? '' : lineOf({ phase, total, count, seconds: (drawn - began) / 1000 })}`,
    )
  }

  return {
    phase: (name, known) => {
      phase = name
      total = known
      count = 0
      began = performance.now()
      draw(true)
    },
    advance: (more = 1) => {
      count += more
      draw()
    },
    note: (sentence) => {
      if (io.live) process.stderr.write('\r\u001b[2K')
      io.say(sentence)
      draw(true)
    },
    done: () => {
      phase = ''
      draw(true)
    },
  }
}

function lineOf(at: { phase: string; total: number | undefined; count: number; seconds: number }): string {
  const { phase, total, count, seconds } = at
  const rate = seconds > 0.5 ? count / seconds : 0
  const left = total !== undefined && rate > 0 ? Math.max(0, (total - count) / rate) : undefined
  const parts = [
    phase,
    total === undefined ? `${count}` : `${count}/${total}`,
    ...(rate > 0 ? [`${rate.toFixed(rate < 10 ? 1 : 0)}/s`] : []),
    ...(left === undefined ? [] : [`${Math.ceil(left)} s left`]),
  ]
  return parts.join('  ')
}
