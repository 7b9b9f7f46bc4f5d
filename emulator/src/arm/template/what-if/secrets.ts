import { isArray, isObject, type Json } from '../json.ts'

const MASK = '*******'
/** A shorter text stands in other texts by chance, and is hidden only where it is the whole. */
const LEAST_LENGTH = 4

/** Hides texts of secure parameters wherever they stand. */
export function masking(secure: readonly Json[]): <T>(shown: T) => T {
  const whole = new Set(secure.flatMap(textsIn).filter((text) => text !== ''))
  if (whole.size === 0) return (shown) => shown
  const texts = [...whole].filter((text) => text.length >= LEAST_LENGTH)
  const hidden = (value: string) =>
    whole.has(value) ? MASK : texts.reduce((text, secret) => text.replaceAll(secret, MASK), value)
  const masked = (_key: string, value: unknown) => (typeof value === 'string' ? hidden(value) : value)
  return (shown) => JSON.parse(JSON.stringify(shown, masked))
}

function textsIn(value: Json): readonly string[] {
  if (typeof value === 'string') return [value]
  if (isArray(value)) return value.flatMap(textsIn)
  return isObject(value) ? Object.values(value).flatMap(textsIn) : []
}
