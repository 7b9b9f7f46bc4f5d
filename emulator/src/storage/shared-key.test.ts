import { expect, test } from 'vitest'
import { hmac, sharedKeyHolds } from './shared-key.ts'

const KEY = Buffer.from('a key').toString('base64')
const DATE = 'Fri, 26 Jun 2015 23:39:12 GMT'

function holds(headers: Readonly<Record<string, string>>, text: string, lite = false): boolean {
  const query = new URLSearchParams('restype=container')
  const call = { method: 'GET', host: 'acct.blob.core.windows.net', path: '/box', query, headers }
  return sharedKeyHolds(call, 'acct', { signature: hmac(KEY, text), key: KEY, lite })
}

test('a date is signed, and one beside x-ms-date is not', () => {
  const signed = (date: string, lines: string) =>
    `GET\n\n\n\n\n\n${date}\n\n\n\n\n\n${lines}/acct/box\nrestype:container`
  const both = { date: DATE, 'x-ms-date': DATE }
  expect(holds({ date: DATE }, signed(DATE, ''))).toBe(true)
  expect(holds(both, signed('', `x-ms-date:${DATE}\n`))).toBe(true)
  expect(holds(both, signed(DATE, `x-ms-date:${DATE}\n`))).toBe(false)
})

test('the same holds for the lite form', () => {
  const lines = `x-ms-date:${DATE}\n`
  expect(holds({ date: DATE, 'x-ms-date': DATE }, `GET\n\n\n\n${lines}/acct/box`, true)).toBe(true)
  expect(holds({ date: DATE }, `GET\n\n\n${DATE}\n/acct/box`, true)).toBe(true)
})
