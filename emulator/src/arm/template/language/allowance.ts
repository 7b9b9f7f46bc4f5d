import type { Json } from '../json.ts'
import { TemplateViolation } from '../violation.ts'

/** Longest text and largest value that an expression may make: the size of a whole template in Azure, 4 MB. */
export const LARGEST = 4 * 1024 * 1024

/** In values looked at: about a second. */
const MOST_WORK = 20_000_000
/** An evaluation costs as much as looking at so many values. */
const EVALUATION = 20
/** A value counts as so many letters at least. */
const LEAST_LETTERS = 4
const DEEPEST_EVALUATION = 512
const DEEPEST_VALUE = 128

/**
 * What the expressions of one template may use of the machine.
 *
 * A template is a program that somebody sends. Without bounds, thirty lines that double a value fill the memory, and two loops inside
 * each other stop everybody else's requests.
 */
export class Allowance {
  #left = MOST_WORK
  #depth = 0

  /** Evaluates one part of an expression inside another. */
  evaluating(work: () => Json): Json {
    this.spend(EVALUATION)
    this.#depth++
    try {
      if (this.#depth > DEEPEST_EVALUATION) throw tooMuch(`are nested deeper than ${DEEPEST_EVALUATION}`)
      return work()
    } finally {
      this.#depth--
    }
  }

  /** The value, if it is not larger or deeper than a value may be. */
  weighed(value: Json): Json {
    if (this.#size(value, 0) > LARGEST) throw tooMuch(`make a value that is larger than ${LARGEST}`)
    return value
  }

  /** Takes so much from what is left. */
  spend(work = EVALUATION): void {
    this.#left -= work
    if (this.#left < 0) throw tooMuch('take more work than a template may ask for')
  }

  /** Letters in a value, counted a little past the limit. What is shared counts each time it is met. */
  #size(value: Json, depth: number): number {
    if (typeof value === 'string') return LEAST_LETTERS + value.length
    if (typeof value !== 'object' || value === null) return LEAST_LETTERS
    if (depth > DEEPEST_VALUE) throw tooMuch(`make a value that is nested deeper than ${DEEPEST_VALUE}`)
    let size = LEAST_LETTERS
    for (const one of Array.isArray(value) ? value : Object.values(value)) {
      this.spend(1)
      size += this.#size(one, depth + 1)
      if (size > LARGEST) break
    }
    return size
  }
}

function tooMuch(what: string): TemplateViolation {
  return new TemplateViolation(
    `The language expressions of the template ${what}. Please see https://aka.ms/arm-template-expressions for usage details.`,
  )
}
