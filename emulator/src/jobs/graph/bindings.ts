import type { JobInput } from '../definition.ts'
import { objectOr, type Values } from '../fields.ts'

/** What `${{parent.…}}` of a node points to. */
export type Reference =
  | { readonly to: 'input'; readonly name: string }
  | { readonly to: 'output'; readonly name: string }
  | { readonly to: 'node'; readonly node: string; readonly side: 'inputs' | 'outputs'; readonly name: string }

/** Gives what a reference stands for; `undefined` where it is an optional input that was not given. */
export type Resolve = (reference: Reference) => JobInput | undefined

const FORM = /\$\{\{\s*parent\.(?:(inputs|outputs)\.([^\s}]+)|jobs\.([^\s.}]+)\.(inputs|outputs)\.([^\s}]+))\s*\}\}/g

/** Every reference in a value, however deep it lies. */
export function referencesIn(value: unknown): Reference[] {
  if (typeof value === 'string') return [...value.matchAll(FORM)].map(referenceOf)
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(referencesIn)
}

/** The one reference that a text consists of; `undefined` where it is anything else. */
export function onlyReference(text: unknown): Reference | undefined {
  if (typeof text !== 'string') return undefined
  const [found, ...more] = text.trim().matchAll(FORM)
  return found === undefined || more.length > 0 || found[0] !== text.trim() ? undefined : referenceOf(found)
}

/** A copy of a value in which the references in its texts are replaced by what they stand for. */
export function replaced(value: unknown, resolve: Resolve): unknown {
  if (typeof value === 'string') {
    return value.replaceAll(FORM, (...found) => {
      const input = resolve(referenceOf(found as unknown as readonly (string | undefined)[]))
      return input?.value ?? input?.uri ?? ''
    })
  }
  if (Array.isArray(value)) return value.map((one) => replaced(one, resolve))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replaced(inner, resolve)]))
}

/**
 * An input of a node as the job of that node takes it; `undefined` where it is not given.
 *
 * `raw` is as clients write it: `{value, job_input_type}` with a reference or a literal, `{uri, job_input_type}`,
 * and perhaps a mode. The mode of an output never becomes that of the input which reads it.
 */
export function inputOf(raw: unknown, resolve: Resolve): JobInput | undefined {
  if (raw === null || raw === undefined) return undefined
  if (typeof raw !== 'object') return inputOf({ value: String(raw) }, resolve)
  const fields = camel(raw)
  const reference = onlyReference(fields['value'] ?? fields['uri'])
  if (reference === undefined) {
    const { value, ...rest } = replaced(fields, resolve) as Values
    return { jobInputType: 'literal', ...rest, ...(value == null ? {} : { value: String(value) }) }
  }
  const target = resolve(reference)
  if (target === undefined) return undefined
  const mode = fields['mode'] ?? (reference.to === 'input' ? target.mode : undefined)
  const { mode: _own, ...rest } = target
  return { ...rest, ...(typeof mode === 'string' ? { mode } : {}) }
}

/** An object with its own keys in camel case, as ARM has them; what lies deeper stays. */
export function camel(value: unknown): Values {
  return Object.fromEntries(
    Object.entries(objectOr(value)).map(([key, inner]) => [
      key.replaceAll(/(?<=.)_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
      inner,
    ]),
  )
}

function referenceOf(found: readonly (string | undefined)[]): Reference {
  const [, own, name = '', node = '', side, inner = ''] = found
  if (own !== undefined) return { to: own === 'inputs' ? 'input' : 'output', name }
  return { to: 'node', node, side: side === 'inputs' ? 'inputs' : 'outputs', name: inner }
}
