import { isArray, isObject, type Json, type JsonObject, type Kind, kindOf, textOf } from '../json.ts'
import type { Node } from '../language/parse.ts'
import type { Scope } from '../language/scope.ts'
import { TemplateViolation } from '../violation.ts'

/** A function of the template language. `most` is `Infinity` where any number of arguments is taken. */
export type TemplateFunction = {
  readonly least: number
  readonly most: number
} & (
  | { readonly run: (args: Args, scope: Scope) => Json }
  /** Decides itself which of its arguments are evaluated. */
  | { readonly form: (args: readonly Node[], scope: Scope, evaluate: Evaluate) => Json }
)

export type Evaluate = (node: Node, scope: Scope) => Json

/** Functions by name in lower case. */
export type FunctionTable = Readonly<Record<string, TemplateFunction>>

/** A function with a number of arguments between `least` and `most`, all of which are evaluated first. */
export function fn(least: number, most: number, run: (args: Args, scope: Scope) => Json): TemplateFunction {
  return { least, most, run }
}

/** The evaluated arguments of one call, handed out with the check of their kind. */
export class Args {
  readonly name: string
  readonly values: readonly Json[]

  constructor(name: string, values: readonly Json[]) {
    this.name = name
    this.values = values
  }

  get count(): number {
    return this.values.length
  }

  any(index: number): Json {
    return this.values[index] ?? null
  }

  text(index: number): string {
    const value = this.any(index)
    return typeof value === 'string' ? value : this.#wrong(index, ['String'])
  }

  /** The argument, or `otherwise` where it was not given. */
  textOr(index: number, otherwise: string): string {
    return index < this.count ? this.text(index) : otherwise
  }

  integer(index: number): number {
    const value = this.any(index)
    return typeof value === 'number' && Number.isInteger(value) ? value : this.#wrong(index, ['Integer'])
  }

  boolean(index: number): boolean {
    const value = this.any(index)
    return typeof value === 'boolean' ? value : this.#wrong(index, ['Boolean'])
  }

  array(index: number): readonly Json[] {
    const value = this.any(index)
    return isArray(value) ? value : this.#wrong(index, ['Array'])
  }

  object(index: number): JsonObject {
    const value = this.any(index)
    return isObject(value) ? value : this.#wrong(index, ['Object'])
  }

  /** Every argument as the text it becomes inside other text. Arrays and objects are refused. */
  texts(): readonly string[] {
    return this.values.map((value, index) => {
      if (isArray(value) || isObject(value)) this.#wrong(index, ['String', 'Integer', 'Boolean'])
      return textOf(value)
    })
  }

  wrong(index: number, expected: readonly Kind[]): never {
    return this.#wrong(index, expected)
  }

  /** Refuses the call for a reason of its own. */
  refuse(reason: string): never {
    throw new TemplateViolation(
      `The template language function '${this.name}' ${reason} Please see https://aka.ms/arm-functions for usage details.`,
    )
  }

  #wrong(index: number, expected: readonly Kind[]): never {
    const actual = kindOf(this.any(index))
    return this.refuse(
      `expects its parameter ${index + 1} to be of type '${expected.join(', ')}'. The provided value is of type '${actual}'.`,
    )
  }
}
