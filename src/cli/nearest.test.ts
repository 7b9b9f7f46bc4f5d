import { expect, it } from 'vitest'
import { nearest } from './nearest.ts'

it('finds the name that was probably meant, or none', () => {
  expect(nearest('vantagepoint', ['vantagePoints', 'mode'])).toBe('vantagePoints')
  expect(nearest('modle', ['code', 'data', 'model'])).toBe('model')
  expect(nearest('zebra', ['mode', 'after'])).toBeUndefined()
})
