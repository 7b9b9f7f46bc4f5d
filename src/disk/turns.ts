/** Lets works of one name come one after the other. A work that fails holds up none after it. */
export type InTurn = <T>(name: string, work: () => Promise<T>) => Promise<T>

/** Makes turns of their own. What is done with is forgotten. */
export function turns(): InTurn {
  const last = new Map<string, Promise<unknown>>()
  return async (name, work) => {
    const mine = (last.get(name) ?? Promise.resolve()).then(work, work)
    const settled = mine.catch(() => undefined)
    last.set(name, settled)
    try {
      return await mine
    } finally {
      if (last.get(name) === settled) last.delete(name)
    }
  }
}
