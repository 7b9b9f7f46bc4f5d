import type { Call } from '../call.ts'
import { notImplemented } from '../refusal.ts'
import { headerOf } from './request.ts'

/** Headers that would change what a write means and that nothing here obeys, some with the value that asks for nothing. */
const UNHEARD: readonly (readonly [name: string, nothing?: string])[] = [
  ['x-ms-copy-source-tag-option', 'replace'],
  ['x-ms-encryption-key'],
  ['x-ms-encryption-scope'],
  ['x-ms-expiry-option'],
  ['x-ms-immutability-policy-mode'],
  ['x-ms-immutability-policy-until-date'],
  ['x-ms-legal-hold', 'false'],
  ['x-ms-seal-blob', 'false'],
  ['x-ms-structured-body'],
]

/** Refuses a write with a header that it would not obey: whoever was answered would believe that it was. */
export function refuseUnheard(call: Call): void {
  if (call.method !== 'PUT') return
  for (const [name, nothing] of UNHEARD) {
    const value = headerOf(call, name)?.toLowerCase()
    if (value !== undefined && value !== nothing) throw notImplemented(`${call.operation} with the header ${name}`)
  }
}
