import { describe, expect, it } from 'vitest'
import { draw, gridOf, parseSpace, type Random, seeded, spaceOfNode } from './space.ts'

const drawn = (expression: unknown, count = 400, random: Random = seeded('7')) =>
  Array.from({ length: count }, () => Number(draw(parseSpace({ x: expression }), random)['x']))

describe('a parameter', () => {
  it.each([
    ['uniform', [2, 4], (x: number) => x >= 2 && x < 4],
    ['quniform', [0, 10, 5], (x: number) => [0, 5, 10].includes(x)],
    ['loguniform', [-3, 0], (x: number) => x >= Math.exp(-3) && x <= 1],
    ['randint', [3], (x: number) => [0, 1, 2].includes(x)],
    ['randint', [[3]], (x: number) => [0, 1, 2].includes(x)],
    ['lognormal', [0, 1], (x: number) => x > 0],
    ['qnormal', [0, 10, 2], (x: number) => x % 2 === 0],
  ])('of the form %s %j stays within it', (word, args, within) => {
    expect(drawn([word, args]).every(within)).toBe(true)
  })

  it('of the form normal has its mean and its spread', () => {
    const values = drawn(['normal', [5, 2]], 4000)
    const mean = values.reduce((sum, value) => sum + value) / values.length
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
    expect([Math.abs(mean - 5) < 0.2, Math.abs(spread - 2) < 0.2]).toEqual([true, true])
  })

  it('is drawn the same for the same seed', () => {
    expect(drawn(['uniform', [0, 1]], 5, seeded('a'))).toEqual(drawn(['uniform', [0, 1]], 5, seeded('a')))
    expect(drawn(['uniform', [0, 1]], 5, seeded('a'))).not.toEqual(drawn(['uniform', [0, 1]], 5, seeded('b')))
  })

  it('that is a choice of objects gives the parameters of the object', () => {
    const space = parseSpace({ net: ['choice', [[{ kind: 'cnn', depth: ['randint', [1]] }]]] })
    expect(draw(space, seeded('1'))).toEqual({ kind: 'cnn', depth: 0 })
  })
})

it('makes every combination of choices, in order', () => {
  const space = parseSpace({ a: ['choice', [[1, 2]]], b: ['choice', [['x', 'y']]] })
  expect(gridOf(space).map(({ a, b }) => `${a}${b}`)).toEqual(['1x', '1y', '2x', '2y'])
})

it.each([
  [{ a: ['uniform', [0, 1]] }, "'a' is uniform"],
  [{ a: ['gamma', [0, 1]] }, "'gamma'"],
  [{ a: 'often' }, 'is no expression'],
  [{}, 'required'],
])('refuses %j for a grid', (raw, message) => {
  expect(() => gridOf(parseSpace(raw))).toThrow(message)
})

it('reads the form that nodes of pipelines have', () => {
  const search_space = {
    lr: { type: 'uniform', min_value: 0.1, max_value: 0.2 },
    n: { type: 'qnormal', mu: 1, sigma: 2, q: 1 },
    k: { type: 'choice', values: [1, 2] },
    r: { type: 'randint', upper: 5 },
  }
  expect(spaceOfNode({ search_space })).toEqual({
    lr: ['uniform', [0.1, 0.2]],
    n: ['qnormal', [1, 2, 1]],
    k: ['choice', [[1, 2]]],
    r: ['randint', [5]],
  })
})
