import { redacted, redactedJson } from '../../azure/redact.ts'
import type { Json } from '../../core/model.ts'

/** A value as JSON that may be kept and passed on: what fails may tell an address, and an address what opens it. */
export function shareable(value: object): Json {
  return redactedJson(JSON.parse(JSON.stringify(value)) as Json)
}

/** The same of a text. */
export function shareableText(text: string): string {
  return redacted(text)
}
