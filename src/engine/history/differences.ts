import { sameJson } from '../../core/canonical.ts'
import type { Json, JsonObject } from '../../core/model.ts'

/** One thing that is not the same on both sides. Absence is `null`. */
export interface Difference {
  readonly subject: string
  readonly field: string
  readonly source: Json
  readonly target: Json
}

/** Tells every field in which both sides of a subject differ, by its path. Absence is `null`. */
export type Tell = (subject: string, source: Json, target: Json) => void

/** Collects what is told. */
export function telling(differences: Difference[]): Tell {
  return (subject, source, target) => {
    for (const found of differing(source, target)) {
      differences.push({ subject, ...found, field: found.field === '' ? 'all' : found.field })
    }
  }
}

function differing(source: Json, target: Json): Omit<Difference, 'subject'>[] {
  if (sameJson(source, target)) return []
  if (!isObject(source) || !isObject(target)) return [{ field: '', source, target }]
  const keys = [...new Set([...Object.keys(source), ...Object.keys(target)])]
  return keys.flatMap((key) =>
    differing(source[key] ?? null, target[key] ?? null).map(({ field, ...values }) => ({
      field: field === '' ? key : `${key}.${field}`,
      ...values,
    })),
  )
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
