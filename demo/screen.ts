import { styleText } from 'node:util'
import { createLogUpdate } from 'log-update'

/** What the demo shows of itself while it runs. */
export interface Scene {
  readonly step: string
  readonly regions: Readonly<Record<string, string>>
  readonly active: string
  readonly recoveryPoint: string
  readonly jobs: readonly string[]
  readonly decision: string
}

/** Shows the demo: a panel that is redrawn on a terminal, lines elsewhere. */
export interface Screen {
  /** A new chapter of the story. */
  chapter(title: string): void
  /** Something worth a line. */
  line(text: string): void
  update(change: Partial<Scene>): void
  close(): void
}

const FRAME_MILLISECONDS = 120

export function openScreen(stream: NodeJS.WriteStream): Screen {
  const began = Date.now()
  const live = stream.isTTY === true && process.env['TERM'] !== 'dumb'
  const panel = live ? createLogUpdate(stream) : undefined
  let scene: Scene = { step: '', regions: {}, active: '', recoveryPoint: '', jobs: [], decision: '' }
  let dirty = false
  const timer = setInterval(() => {
    if (dirty) panel?.(drawn(scene, stream))
    dirty = false
  }, FRAME_MILLISECONDS)
  timer.unref()

  const seconds = () => `${((Date.now() - began) / 1000).toFixed(1).padStart(5)} s`
  function print(text: string): void {
    panel?.clear()
    stream.write(`${text}\n`)
    dirty = true
  }

  return {
    chapter: (title) => {
      scene = { ...scene, step: title }
      print(`${paint('dim', seconds(), stream)}  ${paint('bold', title, stream)}`)
    },
    line: (text) => print(`${paint('dim', seconds(), stream)}    ${text}`),
    update: (change) => {
      scene = { ...scene, ...change }
      dirty = true
    },
    close: () => {
      clearInterval(timer)
      panel?.clear()
      panel?.done()
    },
  }
}

function drawn(scene: Scene, stream: NodeJS.WriteStream): string {
  const width = Math.min(stream.columns ?? 80, 110)
  const regions = Object.entries(scene.regions).map(([name, state]) => {
    const mark = name === scene.active ? paint('bold', `${name} (active)`, stream) : name
    return `${paint(state === 'running' ? 'green' : 'red', '●', stream)} ${mark} ${state}`
  })
  const lines = [
    paint('dim', '─'.repeat(width), stream),
    `  regions   ${regions.join('    ')}`,
    `  recovery  ${scene.recoveryPoint}`,
    `  jobs      ${scene.jobs.join('   ')}`,
    `  deciding  ${scene.decision}`,
  ]
  return lines.map((line) => cut(line, width)).join('\n')
}

/** Cuts a line that would wrap: a panel that wraps cannot be redrawn in place. Styles take no room. */
function cut(line: string, width: number): string {
  let room = width - 1
  let out = ''
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters by which a terminal is told of styles
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith('\u001b')) out += part
    else {
      out += part.slice(0, room)
      room -= Math.min(room, part.length)
    }
  }
  return out
}

function paint(style: Parameters<typeof styleText>[0], text: string, stream: NodeJS.WriteStream): string {
  return styleText(style, text, { stream, validateStream: true })
}
