/** Milliseconds of the longest timer of Node, 24 days. One that is set for longer ends at once. */
export const LONGEST_TIMER = 2 ** 31 - 1

/** Acts after so long, however long that is. The answer ends it. */
export function after(milliseconds: number, act: () => void): () => void {
  let timer: NodeJS.Timeout
  const arm = (left: number) => {
    const rest = left - LONGEST_TIMER
    timer = setTimeout(() => (rest > 0 ? arm(rest) : act()), Math.min(left, LONGEST_TIMER))
  }
  arm(milliseconds)
  return () => clearTimeout(timer)
}
