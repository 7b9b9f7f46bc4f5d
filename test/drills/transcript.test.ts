import { expect, it } from 'vitest'
import { differs, plainLines, readTranscript, rewritten } from './transcript.ts'

const TEXT = `At night.

  $ holdfast status
  churn: all is well

  second paragraph

It is lost.

  $ holdfast failover
  …
  Nothing was done.
  [50]
`

it('reads commands with what they print, and leaves text to people', () => {
  expect(readTranscript(TEXT)).toEqual([
    { at: 2, command: 'holdfast status', expected: ['churn: all is well', '', 'second paragraph'] },
    { at: 9, command: 'holdfast failover', expected: ['…', 'Nothing was done.', '[50]'] },
  ])
})

it('compares what two runs have in common, and the code', () => {
  const text = 'Failover f0a1b2c3d at 2026-01-02T03:04:05.678Z took 1m26s\nLoss: at most 5m of work\n'
  expect(plainLines({ text, code: 23 })).toEqual([
    'Failover f‹id› at ‹instant› took ‹while›',
    'Loss: at most ‹while› of work',
    '[23]',
  ])
})

it.each([
  [['a', 'b'], ['a', 'b'], true],
  [['a'], ['a', 'b'], false],
  [['a', 'b'], ['a'], false],
  [['…', 'b'], ['x', 'y', 'b'], true],
  [['…', 'b'], ['x', 'y'], false],
  [['a', '…'], ['a'], true],
])('finds that %j and %j are equal: %s', (expected, printed, equal) => {
  expect(differs(expected, printed) === undefined).toBe(equal)
})

it('is rewritten only where what is printed has changed', () => {
  const printed = new Map([
    [2, ['churn: all is lost']],
    [9, ['more', 'Nothing was done.', '[50]']],
  ])
  const now = rewritten(TEXT, printed)
  expect(now).toBe(TEXT.replace('churn: all is well\n\n  second paragraph', 'churn: all is lost'))
  expect(rewritten(now, printed)).toBe(now)
})
