import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Call } from '../call.ts'

export type Signed = Pick<Call, 'method' | 'host' | 'path' | 'query' | 'headers'>

const STANDARD = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-type',
  'date',
  'if-modified-since',
  'if-match',
  'if-none-match',
  'if-unmodified-since',
  'range',
]

/**
 * True if the signature is that of the request, as the vendor's page "Authorize with Shared Key" makes it.
 *
 * Newer clients sort headers as .NET's culture does, where a hyphen counts last; both orders are accepted.
 */
export function sharedKeyHolds(
  call: Signed,
  account: string,
  given: { signature: string; key: string; lite: boolean },
): boolean {
  const headers = Object.keys(call.headers).filter((name) => name.startsWith('x-ms-'))
  const orders = [headers.toSorted(), headers.toSorted((a, b) => (hyphensLast(a) < hyphensLast(b) ? -1 : 1))]
  return orders.some((order) => {
    const lines = order.map((name) => `${name}:${header(call, name).trim().replace(/\s+/g, ' ')}\n`).join('')
    const text = given.lite ? liteText(call, account, lines) : fullText(call, account, lines)
    return equal(hmac(given.key, text), given.signature)
  })
}

export function hmac(key: string, text: string): string {
  return createHmac('sha256', keyObject(key)).update(text, 'utf8').digest('base64')
}

const keyObjects = new Map<string, KeyObject>()
const KEPT_KEYS = 200

/** Making a key object takes four times as long as signing with one. */
function keyObject(key: string): KeyObject {
  const known = keyObjects.get(key)
  if (known !== undefined) return known
  const made = createSecretKey(Buffer.from(key, 'base64'))
  if (keyObjects.size >= KEPT_KEYS) keyObjects.clear()
  keyObjects.set(key, made)
  return made
}

/** Equal in a time that does not tell where they differ. */
export function equal(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function fullText(call: Signed, account: string, headerLines: string): string {
  const standard = STANDARD.map((name) => {
    const value = name === 'date' ? dateOf(call) : header(call, name)
    return name === 'content-length' && value === '0' ? '' : value
  })
  return `${call.method}\n${standard.join('\n')}\n${headerLines}${resource(call, account)}`
}

function liteText(call: Signed, account: string, headerLines: string): string {
  const standard = [header(call, 'content-md5'), header(call, 'content-type'), dateOf(call)]
  const comp = call.query.get('comp')
  const tail = comp === null ? '' : `?comp=${comp}`
  return `${call.method}\n${standard.join('\n')}\n${headerLines}/${account}${call.path}${tail}`
}

/** Where `x-ms-date` is sent it is what counts, and the date beside it is signed as empty. */
function dateOf(call: Signed): string {
  return header(call, 'x-ms-date') === '' ? header(call, 'date') : ''
}

function resource(call: Signed, account: string): string {
  const values = new Map<string, string[]>()
  for (const [name, value] of call.query) {
    const key = name.toLowerCase()
    values.set(key, [...(values.get(key) ?? []), value])
  }
  const lines = [...values.keys()]
    .toSorted()
    .map((name) => `\n${name}:${(values.get(name) ?? []).toSorted().join(',')}`)
  return `/${account}${call.path === '' ? '/' : call.path}${lines.join('')}`
}

function header(call: Signed, name: string): string {
  const value = call.headers[name]
  return Array.isArray(value) ? value.join(',') : (value ?? '')
}

function hyphensLast(name: string): string {
  return `${name.replaceAll('-', '')} ${name}`
}
