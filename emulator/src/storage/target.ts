import type { Call } from '../call.ts'
import { Refusal } from '../refusal.ts'

/** What the URL of a request names: an account, a container of it, or a blob. */
export interface Target {
  readonly account: string
  /** Empty for the account itself. */
  readonly container: string
  /** Empty for the account or a container. */
  readonly blob: string
  readonly level: 'service' | 'container' | 'blob'
}

export type Addressed = Pick<Call, 'host' | 'path' | 'query'>

const HOST = /^([a-z0-9]{3,24})\.blob\.core\.windows\.net$/

/** Names that a container may have. */
export const CONTAINER_NAME = /^(?:\$root|\$web|\$logs|[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){2,62})$/

/** The account that a host name of the blob service belongs to, or `undefined`. */
export function accountOf(host: string): string | undefined {
  return HOST.exec(host)?.[1]
}

/**
 * Reads the URL of a request.
 *
 * One segment alone is a container where `restype=container` says so, else a blob in `$root`.
 * Names are decoded once and otherwise left as they are.
 */
export function targetOf(call: Addressed): Target {
  const account = accountOf(call.host) ?? ''
  const path = call.path.replace(/^\//, '')
  const slash = path.indexOf('/')
  const first = decoded(slash < 0 ? path : path.slice(0, slash))
  const rest = decoded(slash < 0 ? '' : path.slice(slash + 1))
  if (first === '') return { account, container: '', blob: '', level: 'service' }
  if (rest !== '') return { account, container: first, blob: rest, level: 'blob' }
  if (call.query.get('restype') === 'container') return { account, container: first, blob: '', level: 'container' }
  return { account, container: '$root', blob: first, level: 'blob' }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Refusal(400, 'InvalidUri', 'The requested URI does not represent any resource on the server.')
  }
}
