import type { JsonObject } from '../json.ts'
import { type Args, type FunctionTable, fn } from './args.ts'

/** Address ranges of IPv4 in CIDR notation. IPv6 is refused. */
export const networkFunctions: FunctionTable = {
  parsecidr: fn(1, 1, (args) => parsed(args)),
  cidrsubnet: fn(3, 3, (args) => {
    const { start, bits } = range(args)
    const [wanted, index] = [args.integer(1), args.integer(2)]
    if (wanted < bits || wanted > 32) args.refuse(`expects a prefix length between ${bits} and 32.`)
    if (index < 0 || index >= 2 ** (wanted - bits)) args.refuse(`has the index ${index} outside of the range.`)
    return `${dotted(start + index * 2 ** (32 - wanted))}/${wanted}`
  }),
  cidrhost: fn(2, 2, (args) => {
    const { start, bits } = range(args)
    const index = args.integer(1)
    if (index < 0 || index > 2 ** (32 - bits) - 3) args.refuse(`has the index ${index} outside of the range.`)
    return dotted(start + 1 + index)
  }),
}

function parsed(args: Args): JsonObject {
  const { start, bits } = range(args)
  const size = 2 ** (32 - bits)
  const [network, broadcast] = [dotted(start), dotted(start + size - 1)]
  return {
    network,
    netmask: dotted(2 ** 32 - size),
    broadcast,
    firstUsable: bits > 30 ? network : dotted(start + 1),
    lastUsable: bits > 30 ? broadcast : dotted(start + size - 2),
    cidr: bits,
  }
}

function range(args: Args): { readonly start: number; readonly bits: number } {
  const found = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(args.text(0))
  const [a = 256, b = 256, c = 256, d = 256, bits = 33] = (found ?? []).slice(1).map(Number)
  if (Math.max(a, b, c, d) > 255 || bits > 32)
    args.refuse(`cannot read '${args.text(0)}' as a range of IPv4 addresses.`)
  const address = ((a * 256 + b) * 256 + c) * 256 + d
  const size = 2 ** (32 - bits)
  return { start: Math.floor(address / size) * size, bits }
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')
}
