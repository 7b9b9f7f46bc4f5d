import type { FunctionTable, TemplateFunction } from './args.ts'
import { arrayFunctions } from './arrays.ts'
import { dateFunctions } from './dates.ts'
import { deploymentFunctions } from './deployment.ts'
import { lambdaFunctions } from './lambdas.ts'
import { logicFunctions } from './logic.ts'
import { networkFunctions } from './networks.ts'
import { numberFunctions } from './numbers.ts'
import { listFunction, resourceFunctions } from './resources.ts'
import { stringFunctions } from './strings.ts'

const TABLE: ReadonlyMap<string, TemplateFunction> = new Map(
  [
    logicFunctions,
    numberFunctions,
    stringFunctions,
    arrayFunctions,
    dateFunctions,
    lambdaFunctions,
    networkFunctions,
    resourceFunctions,
    deploymentFunctions,
  ].flatMap((family: FunctionTable) => Object.entries(family)),
)

/** The built-in function of a name in any case, or `undefined`. */
export function functionNamed(name: string): TemplateFunction | undefined {
  const lower = name.toLowerCase()
  return TABLE.get(lower) ?? (lower.startsWith('list') ? listFunction : undefined)
}

/** Whether a call of this function can only be answered by a live resource. */
export function asksResource(name: string): boolean {
  const lower = name.toLowerCase()
  return lower === 'reference' || lower === 'references' || functionNamed(name) === listFunction
}

/** Names of all built-in functions, in lower case. */
export function functionNames(): readonly string[] {
  return [...TABLE.keys()]
}
