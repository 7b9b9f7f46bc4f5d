import type { Probe } from '../../core/health.ts'
import { type ProberOptions, startProber } from '../prober.ts'
import { processClock } from '../time.ts'

/** Name of the point that {@link lookOnce} speaks for. */
export const HERE = 'this machine'

/** Asks every question once from here. Nothing is remembered: for a person who decides now. */
export async function lookOnce(
  options: Omit<ProberOptions, 'everyMilliseconds' | 'clock'>,
  signal?: AbortSignal,
): Promise<readonly Probe[]> {
  const prober = startProber({ ...options, everyMilliseconds: 60_000, clock: processClock })
  signal?.addEventListener('abort', prober.stop, { once: true })
  try {
    await prober.first
    const now = processClock()
    return prober.findings().map(({ ageMilliseconds, durationMilliseconds, reason: _, ...found }) => ({
      ...found,
      point: HERE,
      startedAt: now - ageMilliseconds,
      duration: durationMilliseconds,
    }))
  } finally {
    signal?.removeEventListener('abort', prober.stop)
    prober.stop()
  }
}
