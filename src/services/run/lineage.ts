import { sameJson } from '../../core/canonical.ts'
import type { Json, JsonObject } from '../../core/model.ts'

/** What a job has read and made, as Azure ML's run history has it: by name, an asset and its type. */
export interface Lineage {
  readonly inputs: JsonObject
  readonly outputs: JsonObject
}

/** In which a place without run history keeps the lineage of a run, as JSON. */
export const LINEAGE_TAG = 'holdfast.lineage'

export const NO_LINEAGE: Lineage = { inputs: {}, outputs: {} }

/** How a place keeps lineage, where it does. */
export interface LineageAccess {
  /** Of many runs at once. A run that is not in the answer has none. */
  of(ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Lineage>>
  /** Sets that of a run: true if the place took it. */
  set(
    run: { readonly experiment: string; readonly id: string },
    lineage: Lineage,
    signal: AbortSignal,
  ): Promise<boolean>
}

export function isNoLineage({ inputs, outputs }: Lineage): boolean {
  return Object.keys(inputs).length + Object.keys(outputs).length === 0
}

export function sameLineage(one: Lineage, other: Lineage): boolean {
  return sameJson(one as unknown as Json, other as unknown as Json)
}

/** The lineage in a run as run history writes it, or in a tag that keeps one. */
export function lineageIn(value: unknown): Lineage {
  const { inputs, outputs } = objectOf(value)
  return { inputs: objectOf(inputs), outputs: objectOf(outputs) }
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

/** What a tag says; one that was cut or changed says nothing. */
export function lineageOfTag(text: string | undefined): Lineage {
  if (text === undefined) return NO_LINEAGE
  try {
    return lineageIn(JSON.parse(text))
  } catch {
    return NO_LINEAGE
  }
}

interface Waiting {
  readonly id: string
  readonly settle: (found: Promise<ReadonlyMap<string, Lineage>>) => void
}

/** Runs that one question names at most. */
const MOST_TOGETHER = 50

/** Puts questions that come in the same turn into one, so that runs which are read at once cost one request. */
export function askedTogether(ask: LineageAccess['of']): (id: string, signal: AbortSignal) => Promise<Lineage> {
  let waiting: Waiting[] = []

  function send(signal: AbortSignal): void {
    const all = waiting
    waiting = []
    for (let at = 0; at < all.length; at += MOST_TOGETHER) {
      const some = all.slice(at, at + MOST_TOGETHER)
      const answer = ask(
        some.map(({ id }) => id),
        signal,
      )
      for (const { settle } of some) settle(answer)
    }
  }

  return async (id, signal) => {
    if (waiting.length === 0) setImmediate(() => send(signal))
    const found = await new Promise<ReadonlyMap<string, Lineage>>((resolve) => waiting.push({ id, settle: resolve }))
    return found.get(id) ?? NO_LINEAGE
  }
}
