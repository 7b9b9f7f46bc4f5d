import type { Json, JsonObject } from '../json.ts'
import { TemplateViolation } from '../violation.ts'
import type { Allowance } from './allowance.ts'

/** Where a template or its parameters were read. */
export interface Link {
  readonly uri: string
  /** What is sent with the address and never shown: mostly a signature. */
  readonly queryString?: string
}

/** Where a deployment stands and what it may say about itself. */
export interface Place {
  /** `/subscriptions/x/resourceGroups/y`, `/subscriptions/x` for a deployment at the subscription, empty at the tenant. */
  readonly id: string
  /** What `subscription()` returns; absent at the tenant. */
  readonly subscription: JsonObject | undefined
  /** What `resourceGroup()` returns; absent at the subscription and the tenant. */
  readonly resourceGroup: JsonObject | undefined
  /** What `tenant()` returns. */
  readonly tenant: JsonObject
  /** What `deployment()` returns. */
  readonly deployment: JsonObject
  /** What `deployer()` returns. */
  readonly deployer: JsonObject
  /** Where its template was read, for what is named relative to it. */
  readonly link?: Link | undefined
}

/** A function that a template defines itself. */
export interface UserFunction {
  /** Names of its parameters, in order. */
  readonly parameters: readonly string[]
  /** What it returns, before evaluation. */
  readonly output: Json
}

/** A question whose answer only a live resource has. */
export type Question =
  | { readonly ask: 'reference'; readonly target: string; readonly apiVersion?: string; readonly full: boolean }
  | { readonly ask: 'references'; readonly target: string; readonly full: boolean }
  | {
      readonly ask: 'list'
      readonly operation: string
      readonly target: string
      readonly apiVersion: string
      readonly body?: Json
    }

/** Thrown where an evaluation needs an answer first. Fetch it, then evaluate again. */
export class Pending extends Error {
  override readonly name = 'Pending'
  readonly question: Question

  constructor(question: Question) {
    super(`waits for ${question.ask} of ${question.target}`)
    this.question = question
  }
}

/** Everything an expression can name. */
export interface Scope {
  parameter(name: string): Json
  variable(name: string): Json
  userFunction(name: string): UserFunction | undefined
  /** The answer of a live resource, or {@link Pending}. */
  answer(question: Question): Json
  /** Facts of a resource that is declared in the template, by its symbolic name. */
  resourceInfo(name: string): JsonObject
  readonly place: Place
  /** What is left of what the expressions of the template may use. */
  readonly allowance: Allowance
  /** Positions in the loops around the expression, by loop name in lower case; `''` is the loop of the resource. */
  readonly copies: ReadonlyMap<string, number>
  /** Variables of the lambdas around the expression. */
  readonly locals: ReadonlyMap<string, Json>
  /** Clock for `utcNow()`; absent outside default values of parameters, where time and chance are not allowed. */
  readonly now: (() => number) | undefined
}

/** An {@link Scope.answer} for places where no live resource may be asked. */
export function noAnswer(question: Question): never {
  const name = question.ask === 'list' ? question.operation : question.ask
  throw new TemplateViolation(
    `The template function '${name}' is not expected at this location. Please see https://aka.ms/arm-template-expressions for usage details.`,
  )
}
