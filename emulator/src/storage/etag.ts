/** Ticks of 100 ns from the year 1 to 1970: Azure's ETags count from there. */
const EPOCH_TICKS = 621_355_968_000_000_000n
let last = 0n

/** A new ETag with its quotes, shaped like Azure's and never given twice by one process. */
export function newEtag(now: number): string {
  const ticks = BigInt(Math.floor(now)) * 10_000n + EPOCH_TICKS
  last = ticks > last ? ticks : last + 1n
  return `"0x${last.toString(16).toUpperCase()}"`
}
