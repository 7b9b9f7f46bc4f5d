import type { FieldDifference } from '../core/fields.ts'
import type { Json } from '../core/model.ts'
import type { Drift } from '../engine/drift.ts'
import { shareable } from './compose/shareable.ts'

/** Values of these are shown by nobody: keys are handed to jobs in them, under whatever names. */
const VARIABLES = /^environment_?variables$/i
const HIDDEN = '***'

/** A difference as it may be shown and kept: where it is, and of what may be a secret no value. */
export function withoutSecrets({ fields, ...rest }: Drift): Drift {
  return fields === undefined ? rest : { ...rest, fields: fields.map(withoutSecret) }
}

function withoutSecret({ path, one, other }: FieldDifference): FieldDifference {
  const names = path.split(/[.[\]]+/).filter((name) => name !== '' && !/^\d+$/.test(name))
  const shown = (value: Json) =>
    names.some((name) => VARIABLES.test(name)) ? HIDDEN : redactedAs(names.at(-1) ?? '', hidden(value))
  return {
    path,
    ...(one === undefined ? {} : { one: shown(one) }),
    ...(other === undefined ? {} : { other: shown(other) }),
  }
}

/** What a value shows where a field has this name. */
function redactedAs(name: string, value: Json): Json {
  return (shareable({ [name]: value }) as { readonly [field: string]: Json })[name] ?? null
}

function hidden(value: Json): Json {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(hidden)
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, VARIABLES.test(name) ? HIDDEN : hidden(inner as Json)]),
  )
}
