import type { Address } from './model.ts'
import { readable } from './readable.ts'

/** Whether an address is meant. */
export type Selector = (address: Address) => boolean

/**
 * Reads a selector of the policy: `schedule/nightly*`, `model/churn/3`, `experiment/scratch-*`.
 *
 * `*` stands for any characters of one segment, `**` for any number of segments. What stands under a selected address
 * is selected with it, so `model/churn` means all its versions. Names are compared as people read and write them,
 * decoded; an exact address, as `--json` gives it, means itself.
 */
export function selector(pattern: string): Selector {
  const source = pattern
    .split('/')
    .map((segment) => (segment === '**' ? '.+' : segment.split('*').map(literal).join('[^/]*')))
    .join('/')
  const matcher = new RegExp(`^${source}(?:/|$)`)
  const exact = pattern.includes('%')
  return (address) => {
    if (!address.includes('%')) return matcher.test(address)
    if (exact && (address === pattern || address.startsWith(`${pattern}/`))) return true
    return matcher.test(decoded(address)) || matcher.test(readable(address))
  }
}

/** Whether any of some selectors means an address. */
export function anyOf(patterns: readonly string[]): Selector {
  const selectors = patterns.map(selector)
  return (address) => selectors.some((one) => one(address))
}

function decoded(address: string): string {
  try {
    return decodeURIComponent(address)
  } catch {
    // A name that was never encoded, with a percent sign in it: it means itself.
    return address
  }
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
