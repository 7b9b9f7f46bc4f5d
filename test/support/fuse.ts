/**
 * Cuts the power of one made-up process.
 *
 * Every store write and every effect passes it before and after. At the chosen one the process stops for good: what
 * it awaits there, and anything it asks for later, never comes. What was done until then stays done.
 */
export interface Fuse {
  /** Passes, or never returns. */
  point(what: string): Promise<void>
  readonly dead: boolean
  /** Cuts the power at the first point from here on of which this holds. */
  blowAt(when: (what: string) => boolean): void
  /** Resolves when the power is cut. */
  readonly blown: Promise<void>
  /** What was passed so far. */
  readonly passed: readonly string[]
}

/** A fuse that blows at the n-th point, counted from 1, or never. */
export function fuse(blowsAt = Number.POSITIVE_INFINITY): Fuse {
  const passed: string[] = []
  const cut = Promise.withResolvers<void>()
  let dead = false
  let fatal: (what: string) => boolean = () => false
  function blow(): void {
    dead = true
    cut.resolve()
  }
  return {
    blowAt: (when) => {
      fatal = when
    },
    point: async (what) => {
      if (!dead) passed.push(what)
      if (passed.length >= blowsAt || fatal(what)) blow()
      if (dead) await new Promise<never>(() => undefined)
    },
    get dead() {
      return dead
    },
    blown: cut.promise,
    passed,
  }
}
