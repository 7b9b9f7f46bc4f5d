import { posix } from 'node:path'
import { invalid } from './answers.ts'
import type { Fields } from './fields.ts'

/** Limits of MLflow (`mlflow/utils/validation.py`). */
export const LIMITS = {
  key: 250,
  paramValue: 6000,
  tagValue: 8000,
  experimentName: 500,
  experimentTagValue: 20_000,
  modelTagValue: 100_000,
  alias: 255,
  metricsPerBatch: 1000,
  paramsPerBatch: 100,
  tagsPerBatch: 100,
  entitiesPerBatch: 1000,
  batchBytes: 1_000_000,
} as const

const KEY = /^[/\w.\- :]*$/

/** Keys that were found good. A training loop sends the same few again and again. */
const good = new Set<string>()

/** Refuses a key of a metric, parameter or tag that MLflow would not take. */
export function checkKey(key: string, what: { readonly path: string; readonly label: string }): void {
  if (good.has(key)) return
  checkNewKey(key, what)
  if (good.size > 10_000) good.clear()
  good.add(key)
}

function checkNewKey(key: string, what: { readonly path: string; readonly label: string }): void {
  if (!KEY.test(key)) {
    throw invalid(
      `Invalid value ${JSON.stringify(key)} for parameter '${what.path}' supplied: Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).`,
    )
  }
  // Before it is resolved, which takes the square of its length.
  checkLength(key, what.label, LIMITS.key)
  const resolved = posix.normalize(key === '' ? '.' : key)
  if (resolved !== key || resolved === '.' || resolved.startsWith('..') || resolved.startsWith('/')) {
    throw invalid(
      `Invalid value ${JSON.stringify(key)} for parameter '${what.path}' supplied: Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to '${resolved}'`,
    )
  }
}

export function checkLength(value: string, label: string, limit: number): void {
  if (value.length > limit) throw invalid(`'${label}' exceeds the maximum length of ${limit} characters`)
}

/** Tags of a request as a map; a later one of the same key wins. `valueLimit`: longer values are cut as MLflow does. */
export function tagsOf(
  fields: Fields,
  rule: { readonly limit: number; readonly cut: boolean },
): Record<string, string> {
  return Object.fromEntries(
    fields.objects('tags').map((tag, index) => {
      const key = tag.need('key')
      checkKey(key, { path: `tags[${index}].key`, label: 'key' })
      return [key, limited(tag.text('value') ?? '', 'value', rule)]
    }),
  )
}

/** The value, cut to the limit or refused. MLflow cuts values of runs and refuses those of experiments and models. */
export function limited(value: string, label: string, rule: { readonly limit: number; readonly cut: boolean }): string {
  if (rule.cut) return value.slice(0, rule.limit)
  checkLength(value, label, rule.limit)
  return value
}
