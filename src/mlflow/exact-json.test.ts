import { expect, it } from 'vitest'
import { exactJson, exactText, sorted } from './exact-json.ts'

const kept = [
  '{"a":1.0,"b":1,"c":1152921504606846977,"d":-0.0,"e":1e-300}',
  '[NaN,Infinity,-Infinity,null,true,false]',
  '{"":"","1":"#1","__proto__":"NaN","a\\"b\\\\":"it\'s \\"quoted\\" \\\\","\\ud83d\\ude00":"\\u202e"}',
  '{"b":{"d":1,"c":2},"a":0}',
  '"1"',
  '-7',
]

it('gives back what Python wrote, to the digit', () => {
  for (const text of kept) {
    const back = exactText(exactJson(text))
    expect(back.replaceAll('😀', '\\ud83d\\ude00').replaceAll('\u202e', '\\u202e')).toBe(text)
  }
})

it('tells apart what JavaScript does not, and takes the order of fields for nothing', () => {
  const apart = ['1', '1.0', '"1"', '"#1"', '1152921504606846976', '1152921504606846977', 'null', '"null"']
  expect(new Set(apart.map((text) => JSON.stringify(exactJson(text)))).size).toBe(apart.length)
  const orders = ['{"b":[{"y":2,"x":1}],"a":0}', '{"a": 0, "b": [{"x": 1, "y": 2}]}']
  expect(new Set(orders.map((text) => JSON.stringify(sorted(exactJson(text))))).size).toBe(1)
})
