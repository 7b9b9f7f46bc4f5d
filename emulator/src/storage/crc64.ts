/**
 * CRC-64 as Azure Storage computes it: reflected polynomial 0x9A6C9329AC4BC9B5, all ones at both ends,
 * printed as base64 of eight bytes, least significant first.
 *
 * Sixteen tables of 32-bit halves, eight bytes a step, so that no BigInt is in the loop.
 */
export class Crc64 {
  #low = 0xffffffff
  #high = 0xffffffff

  update(bytes: Uint8Array): void {
    let low = this.#low
    let high = this.#high
    let at = 0
    const last = bytes.length - (bytes.length % 8)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (; at < last; at += 8) {
      const a = low ^ view.getUint32(at, true)
      const b = high ^ view.getUint32(at + 4, true)
      low = 0
      high = 0
      for (let lane = 0; lane < 4; lane++) {
        const first = ((7 - lane) << 8) | ((a >>> (8 * lane)) & 0xff)
        const second = ((3 - lane) << 8) | ((b >>> (8 * lane)) & 0xff)
        low ^= at32(LOW, first) ^ at32(LOW, second)
        high ^= at32(HIGH, first) ^ at32(HIGH, second)
      }
    }
    for (; at < bytes.length; at++) {
      const index = (low ^ (bytes[at] ?? 0)) & 0xff
      low = ((low >>> 8) | (high << 24)) ^ at32(LOW, index)
      high = (high >>> 8) ^ at32(HIGH, index)
    }
    this.#low = low
    this.#high = high
  }

  /** Base64 of the sum of what was fed so far. */
  digest(): string {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32LE(~this.#low >>> 0, 0)
    bytes.writeUInt32LE(~this.#high >>> 0, 4)
    return bytes.toString('base64')
  }
}

const LOW = new Uint32Array(8 * 256)
const HIGH = new Uint32Array(8 * 256)
fillTables()

function fillTables(): void {
  const polynomial = 0x9a6c9329ac4bc9b5n
  for (let index = 0; index < 256; index++) {
    let value = BigInt(index)
    for (let bit = 0; bit < 8; bit++) value = (value & 1n) === 1n ? (value >> 1n) ^ polynomial : value >> 1n
    LOW[index] = Number(value & 0xffffffffn)
    HIGH[index] = Number(value >> 32n)
  }
  for (let index = 256; index < 2048; index++) {
    const low = at32(LOW, index - 256)
    const high = at32(HIGH, index - 256)
    LOW[index] = ((low >>> 8) | (high << 24)) ^ at32(LOW, low & 0xff)
    HIGH[index] = (high >>> 8) ^ at32(HIGH, low & 0xff)
  }
}

function at32(table: Uint32Array, index: number): number {
  return table[index] ?? 0
}
