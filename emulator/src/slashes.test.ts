import { expect, it } from 'vitest'
import { withoutLastSlashes, withoutOuterSlashes } from './slashes.ts'

it.each([
  ['', '', ''],
  ['///', '', ''],
  ['/a//b//', '/a//b', 'a//b'],
  ['a', 'a', 'a'],
  [`//${'/'.repeat(300_000)}x/`, `//${'/'.repeat(300_000)}x`, 'x'],
])('slashes are taken from the end, and from both ends, of a text', (text, last, outer) => {
  expect(withoutLastSlashes(text) === last).toBe(true)
  expect(withoutOuterSlashes(text) === outer).toBe(true)
})
