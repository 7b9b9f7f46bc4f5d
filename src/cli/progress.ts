import type { Progress } from '../engine/parts.ts'
import type { Terminal } from './terminal.ts'

/** Milliseconds between two drawings of the moving line. */
const FRAME = 100

interface Phase {
  readonly name: string
  readonly total: number | undefined
  readonly began: number
  readonly count: number
  readonly beside?: string
}

/** A progress that a person sees: a moving line on a terminal, and nothing elsewhere but what is worth a line. */
export function shownProgress(
  io: Terminal,
  clock: () => number = () => performance.now(),
): Progress & { done(): void } {
  let phase: Phase | undefined
  let drawn = Number.NEGATIVE_INFINITY

  function draw(force = false): void {
    const now = clock()
    if (!force && now - drawn < FRAME) return
    drawn = now
    io.moving(phase === undefined ? '' : lineOf(phase, (now - phase.began) / 1000))
  }

  return {
    phase: (name, total) => {
      phase = joined(phase, name, total) ?? { name, total, began: clock(), count: 0 }
      draw(true)
    },
    advance: (more = 1) => {
      if (phase !== undefined) phase = { ...phase, count: phase.count + more }
      draw()
    },
    note: (sentence) => io.say(sentence),
    beside: (words) => {
      if (phase !== undefined) phase = { ...phase, beside: words }
      draw()
    },
    done: () => {
      phase = undefined
      draw(true)
    },
  }
}

/** Two phases of one kind at the same time, such as the reading of both sides, are shown as one. */
function joined(under: Phase | undefined, name: string, total: number | undefined): Phase | undefined {
  if (under?.total === undefined || total === undefined || under.count >= under.total) return undefined
  const [verb = '', ...rest] = name.split(' ')
  if (!under.name.startsWith(`${verb} `)) return undefined
  return { ...under, name: `${under.name} and ${rest.join(' ')}`, total: under.total + total }
}

function lineOf({ name, total, count, beside = '' }: Phase, seconds: number): string {
  const rate = seconds > 0.5 ? count / seconds : 0
  const left = total !== undefined && rate > 0 ? Math.max(0, (total - count) / rate) : undefined
  return [
    name,
    total === undefined ? (count === 0 ? '' : `${count}`) : `${count}/${total}`,
    rate > 0 ? `${rate.toFixed(rate < 10 ? 1 : 0)}/s` : '',
    left === undefined ? '' : `${Math.ceil(left)} s left`,
    beside,
  ]
    .filter((part) => part !== '')
    .join('  ')
}
