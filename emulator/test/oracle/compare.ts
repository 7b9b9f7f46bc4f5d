import type { Facts } from './exchange.ts'

/** A fact on which the two sides differ: `undefined` where a side does not state it. */
export interface Difference {
  readonly step: string
  /** Place in the step, from 1. */
  readonly request: number
  readonly fact: string
  readonly here: string | undefined
  readonly there: string | undefined
}

/** A difference that is known, with the reason for it. Texts are patterns for the whole of the value. */
export interface Declared {
  readonly step?: RegExp
  readonly fact: RegExp
  readonly here?: RegExp
  readonly there?: RegExp
  readonly why: string
}

/** Facts that follow from another one: they are not told where that one differs. */
export function differencesOf(step: string, here: readonly Facts[], there: readonly Facts[]): Difference[] {
  if (here.length !== there.length) {
    const [mine, theirs] = [String(here.length), String(there.length)]
    return [{ step, request: 0, fact: 'requests', here: mine, there: theirs }]
  }
  return here.flatMap((facts, index) => {
    const others = there[index] ?? {}
    const names = facts['status'] === others['status'] ? union(facts, others) : ['status', 'x-ms-error-code']
    return names
      .filter((name) => facts[name] !== others[name])
      .map((fact) => ({ step, request: index + 1, fact, here: facts[fact], there: others[fact] }))
  })
}

function union(one: Facts, other: Facts): string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].toSorted()
}

/** What differs and is not declared, and what is declared and does not differ. */
export function judged(
  found: readonly Difference[],
  declared: readonly Declared[],
): { undeclared: string[]; gone: string[] } {
  const used = new Set<Declared>()
  const undeclared = found.filter((one) => {
    const known = declared.filter((entry) => covers(entry, one))
    for (const entry of known) used.add(entry)
    return known.length === 0
  })
  const gone = declared.filter((entry) => !used.has(entry)).map(({ why }) => why)
  return { undeclared: undeclared.map(sentence), gone }
}

function covers(entry: Declared, one: Difference): boolean {
  const holds = (pattern: RegExp | undefined, value: string | undefined) =>
    pattern === undefined || new RegExp(`^(?:${pattern.source})$`, `${pattern.flags}s`).test(value ?? 'nothing')
  return (
    holds(entry.step, one.step) &&
    holds(entry.fact, one.fact) &&
    holds(entry.here, one.here) &&
    holds(entry.there, one.there)
  )
}

function sentence({ step, request, fact, here, there }: Difference): string {
  return `${step} [${request}] ${fact}: here ${here ?? 'nothing'}, there ${there ?? 'nothing'}`
}
