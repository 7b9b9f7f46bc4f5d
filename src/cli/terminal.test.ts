import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { shownProgress } from './progress.ts'
import { terminal } from './terminal.ts'

interface Written {
  readonly stream: NodeJS.WriteStream
  text(): string
}

function stream(more: { readonly isTTY?: boolean; readonly columns?: number } = {}): Written {
  const chunks: string[] = []
  const stream = Object.assign(new PassThrough(), more)
  stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString('utf8')))
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => chunks.join('') }
}

function screen(columns = 40) {
  const [out, err] = [stream({ isTTY: true, columns }), stream({ isTTY: true, columns })]
  return { out, err, io: terminal({ out: out.stream, err: err.stream }) }
}

describe('under --json', () => {
  it('prints one value, in which what failed stands beside what was found', () => {
    const [out, err] = [stream(), stream()]
    const io = terminal({ json: true, out: out.stream, err: err.stream })
    io.say('for people')
    io.facts({ items: 3 })
    io.facts({ error: { code: 'sync/loss' } })
    io.close()
    io.close()
    expect(JSON.parse(out.text())).toEqual({ items: 3, error: { code: 'sync/loss' } })
    expect(err.text()).toBe('for people\n')
  })

  it('prints a line for each event, and what fails then as a line too', () => {
    const [out, err] = [stream(), stream()]
    const io = terminal({ json: true, out: out.stream, err: err.stream })
    io.event({ is: 'lease' })
    io.facts({ error: { code: 'run/fenced' } })
    io.close()
    const lines = out.text().trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual([{ is: 'lease' }, { error: { code: 'run/fenced' } }])
  })
})

it('ends a log under --json with a line that says how it ended, once', () => {
  const out = stream()
  const io = terminal({ json: true, out: out.stream, err: stream().stream })
  io.log((facts) => ({ is: 'end', ...facts }))
  io.facts({ error: { code: 'run/fenced' } })
  io.close()
  io.close()
  expect(out.text()).toBe('{"is":"end","error":{"code":"run/fenced"}}\n')
})

it('prints no facts where nobody asked for JSON', () => {
  const out = stream()
  const io = terminal({ out: out.stream, err: stream().stream })
  io.facts({ items: 3 })
  io.event({ is: 'lease' })
  io.close()
  expect(out.text()).toBe('')
})

describe('the moving line', () => {
  it('makes room for text on the same screen and comes back below it', () => {
    const { out, err, io } = screen()
    io.moving('carrying 1/2')
    io.say('a note')
    io.close()
    expect(out.text()).toBe('a note\n')
    expect(err.text()).toBe('\r\u001b[2Kcarrying 1/2\r\u001b[2Kcarrying 1/2\r\u001b[2K')
  })

  it('is cut before it would wrap', () => {
    const { err, io } = screen(12)
    io.moving('reading eastus2 and centralus')
    expect(err.text()).toBe('\r\u001b[2Kreading ea…')
  })

  it('does not exist in a pipe, and not on a terminal that cannot move', () => {
    const err = stream()
    terminal({ out: stream({ isTTY: true }).stream, err: err.stream }).moving('carrying')
    expect(err.text()).toBe('')
  })
})

describe('a table', () => {
  const rows = [
    ['model/churn/3', 'all of it', 'it was seen and could not be carried yet, for a reason that takes some words'],
  ]

  it('keeps one line a row in a pipe, however long', () => {
    const io = terminal({ out: stream().stream, err: stream().stream })
    expect(io.table(['THING', 'LOST', 'WHY'], rows).split('\n')).toHaveLength(2)
  })

  it('wraps its last column on a narrow screen', () => {
    const { io } = screen(60)
    const lines = io.table(['THING', 'LOST', 'WHY'], rows).split('\n')
    expect(lines.length).toBeGreaterThan(2)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: styles take no room
    expect(Math.max(...lines.map((line) => line.replace(/\u001b\[[0-9;]*m/g, '').length))).toBeLessThanOrEqual(60)
  })
})

describe('progress', () => {
  it('shows two readings at the same time as one, with what is left of both', () => {
    const { err, io } = screen(80)
    let now = 0
    const progress = shownProgress(io, () => now)
    progress.phase('reading eastus2', 10)
    progress.phase('reading centralus', 10)
    now = 1000
    progress.advance(5)
    expect(err.text().split('\r\u001b[2K').at(-1)).toBe('reading eastus2 and centralus  5/20  5.0/s  3 s left')
  })

  it('begins anew with the next phase, and leaves nothing behind', () => {
    const { err, io } = screen(80)
    const progress = shownProgress(io, () => 0)
    progress.phase('reading eastus2', 2)
    progress.advance(2)
    progress.phase('carrying', 7)
    expect(err.text().split('\r\u001b[2K').at(-1)).toBe('carrying  0/7')
    progress.done()
    expect(err.text().split('\r\u001b[2K').at(-1)).toBe('')
  })
})
