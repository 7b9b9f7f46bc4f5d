import { isIPv4, isIPv6 } from 'node:net'
import type { JsonObject } from '../json.ts'
import { type Args, type FunctionTable, fn } from './args.ts'

/** Address ranges in CIDR notation, of IPv4 and IPv6. */
export const networkFunctions: FunctionTable = {
  parsecidr: fn(1, 1, (args) => parsed(range(args))),
  cidrsubnet: fn(3, 3, (args) => {
    const { start, bits, width } = range(args)
    const [wanted, index] = [args.integer(1), args.integer(2)]
    if (wanted < bits || wanted > width) args.refuse(`expects a prefix length between ${bits} and ${width}.`)
    const last = (1n << BigInt(wanted - bits)) - 1n
    if (index < 0 || BigInt(index) > last) args.refuse(`has the index ${index} outside of the range.`)
    return `${written(start + BigInt(index) * sizeOf(wanted, width), width)}/${wanted}`
  }),
  cidrhost: fn(2, 2, (args) => {
    const { start, bits, width } = range(args)
    const index = args.integer(1)
    const last = sizeOf(bits, width) - 3n
    if (index < 0 || BigInt(index) > last) args.refuse(`has the index ${index} outside of the range.`)
    return written(start + 1n + BigInt(index), width)
  }),
}

interface Range {
  readonly start: bigint
  readonly bits: number
  /** Bits of an address: 32 or 128. */
  readonly width: 32 | 128
}

/** IPv6 has no broadcast, and no address that is kept for the network. */
function parsed({ start, bits, width }: Range): JsonObject {
  const last = start + sizeOf(bits, width) - 1n
  const netmask = written((1n << BigInt(width)) - sizeOf(bits, width), width)
  const network = written(start, width)
  if (width === 128) return { network, netmask, firstUsable: network, lastUsable: written(last, width), cidr: bits }
  const [first, final] = bits > 30 ? [start, last] : [start + 1n, last - 1n]
  const [firstUsable, lastUsable] = [written(first, width), written(final, width)]
  return { network, netmask, broadcast: written(last, width), firstUsable, lastUsable, cidr: bits }
}

function sizeOf(bits: number, width: number): bigint {
  return 1n << BigInt(width - bits)
}

function range(args: Args): Range {
  const [address = '', prefix = '', more] = args.text(0).split('/')
  const width = isIPv4(address) ? 32 : isIPv6(address) ? 128 : undefined
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  if (width === undefined || more !== undefined || !(bits <= width)) {
    return args.refuse(`cannot read '${args.text(0)}' as a range of addresses.`)
  }
  const size = sizeOf(bits, width)
  return { start: (numberOf(address, width) / size) * size, bits, width }
}

function numberOf(address: string, width: 32 | 128): bigint {
  if (width === 32) return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)
  // A URL's host is canonical: hexadecimal throughout, with one `::` at most.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail] = canonical.split('::')
  const [before, after] = [head, tail ?? ''].map((text) => text.split(':').filter((part) => part !== ''))
  const given = [...(before ?? []), ...(after ?? [])].length
  const parts = [...(before ?? []), ...Array<string>(8 - given).fill('0'), ...(after ?? [])]
  return parts.reduce((sum, part) => sum * 65_536n + BigInt(`0x${part}`), 0n)
}

function written(address: bigint, width: 32 | 128): string {
  if (width === 32) return [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 255n).join('.')
  const parts = Array.from({ length: 8 }, (_, index) => (address >> BigInt(112 - index * 16)) & 65_535n)
  return new URL(`http://[${parts.map((part) => part.toString(16)).join(':')}]`).hostname.slice(1, -1)
}
