/** Longest wait of one timer, 24 days. A longer one would end at once. */
export const LONGEST_PAUSE = 2 ** 31 - 1

/** Waits, or throws the signal's reason as soon as it is aborted. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    signal.addEventListener('abort', stop, { once: true })
  })
}

/** {@link pause}, as it is handed in where time is moved. */
export type Pause = typeof pause
