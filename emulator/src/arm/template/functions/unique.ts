import { createHash } from 'node:crypto'

/** Namespace of `guid()`, published with the function's reference. */
const GUID_NAMESPACE = Buffer.from('11fb06fb712d4ddd98c7e71bbd588830', 'hex')
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/** A name-based UUID (RFC 9562, version 5) of the texts joined with `-`: what `guid()` returns. */
export function nameGuid(texts: readonly string[]): string {
  const hash = createHash('sha1').update(GUID_NAMESPACE).update(texts.join('-'), 'utf8').digest().subarray(0, 16)
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6)
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = hash.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** What `uniqueString()` returns: 64 bits of the texts joined with `-`, as 13 letters of base 32. */
export function uniqueString(texts: readonly string[]): string {
  let rest = hash64(Buffer.from(texts.join('-'), 'utf8'))
  let text = ''
  for (let index = 0; index < 13; index++) {
    text += ALPHABET.charAt(Number(rest >> 59n))
    rest = (rest << 5n) & 0xffff_ffff_ffff_ffffn
  }
  return text
}

const ONE = 0x239b961b
const TWO = 0xab0e9789
const MIX_ONE = 0x561ccd1b
const MIX_TWO = 0x0bcaa747

/**
 * A 64-bit MurmurHash 3 in two lanes of 32 bits with seed 0.
 *
 * It is the reference algorithm's 128-bit x86 variant cut to its first two lanes; the constants are those
 * that public reimplementations of `uniqueString` agree on, and the tests hold published values.
 */
function hash64(bytes: Buffer): bigint {
  let [low, high] = [0, 0]
  const whole = bytes.length - (bytes.length % 8)
  for (let at = 0; at < whole; at += 8) {
    low = (rotated(low ^ lowLane(bytes.readUInt32LE(at)), 19) + high) | 0
    low = (Math.imul(low, 5) + MIX_ONE) | 0
    high = (rotated(high ^ highLane(bytes.readUInt32LE(at + 4)), 13) + low) | 0
    high = (Math.imul(high, 5) + MIX_TWO) | 0
  }
  const tail = Buffer.alloc(8)
  bytes.copy(tail, 0, whole)
  low ^= lowLane(tail.readUInt32LE(0))
  high ^= highLane(tail.readUInt32LE(4))
  low ^= bytes.length
  high ^= bytes.length
  low = (low + high) | 0
  high = (high + low) | 0
  low = finished(low)
  high = finished(high)
  low = (low + high) | 0
  high = (high + low) | 0
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
}

function lowLane(word: number): number {
  return Math.imul(rotated(Math.imul(word, ONE), 15), TWO)
}

function highLane(word: number): number {
  return Math.imul(rotated(Math.imul(word, TWO), 17), ONE)
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

function finished(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
