import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'

/**
 * A reading of a clock that no one can set, shared by the processes of one host.
 *
 * `boot` differs after each start of the host, when the clock begins anew.
 */
export interface MonotonicReading {
  readonly boot: string
  readonly milliseconds: number
}

export type MonotonicClock = () => MonotonicReading

/** CLOCK_MONOTONIC of this host with the id of its boot. */
export const hostClock: MonotonicClock = () => ({
  boot: bootId(),
  milliseconds: Number(process.hrtime.bigint() / 1_000_000n),
})

let known: string | undefined

function bootId(): string {
  known ??= readBootId()
  return known
}

function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    // Where the kernel gives no id, the minute of the start tells two boots apart.
    return `started-${Math.round((Date.now() / 1000 - uptime()) / 60)}`
  }
}
