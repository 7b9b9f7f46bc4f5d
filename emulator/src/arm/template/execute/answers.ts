import type { Directory } from '../graph.ts'
import { type Json, type JsonObject, property } from '../json.ts'
import { Pending, type Question } from '../language/scope.ts'
import { isResourceId, resourceGroupOf, subscriptionOf } from '../resource-ids.ts'
import type { Declared } from '../resources.ts'
import { TemplateViolation } from '../violation.ts'
import { type ArmError, errorOf, isJsonObject, type Sender } from './sender.ts'

/** A live resource that could not be asked: the answer to `reference` or `list…` was an error. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  readonly error: ArmError

  constructor(error: ArmError) {
    super(error.message)
    this.error = error
  }
}

interface Asked {
  readonly id: string
  readonly apiVersion: string
  readonly declared: Declared | undefined
}

/**
 * Evaluates what needs live resources: asks for what is missing, and evaluates again until nothing is.
 *
 * Answers hold for one evaluation, so that each resource sees the others as they are then.
 */
export async function answered<T>(
  work: (answer: (question: Question) => Json) => T,
  parts: { readonly sender: Sender; readonly directory: Directory },
): Promise<T> {
  const known = new Map<string, Json>()
  for (;;) {
    try {
      return work((question) => {
        const value = known.get(JSON.stringify(question))
        if (value === undefined) throw new Pending(question)
        return value
      })
    } catch (thrown) {
      if (!(thrown instanceof Pending)) throw thrown
      known.set(JSON.stringify(thrown.question), await ask(thrown.question, parts))
    }
  }
}

function ask(question: Question, parts: { sender: Sender; directory: Directory }): Promise<Json> {
  const { sender, directory } = parts
  const found = directory.find(question.target)
  if (question.ask === 'references') {
    return Promise.all(found.map((one) => reference(asked(one), question.full, sender)))
  }
  const [declared, another] = found
  if (another !== undefined) {
    throw new TemplateViolation(
      `The reference to '${question.target}' is not valid: more than one resource of the template has this name.`,
    )
  }
  const { apiVersion } = question
  const target: Asked =
    declared === undefined
      ? outside(question.target, apiVersion)
      : { ...asked(declared), ...(apiVersion === undefined ? {} : { apiVersion }) }
  return question.ask === 'list' ? list(target, question, sender) : reference(target, question.full, sender)
}

function asked(declared: Declared): Asked {
  return { id: declared.id, apiVersion: declared.apiVersion, declared }
}

/** A resource that the template does not declare can only be named by its id, with a version. */
function outside(target: string, apiVersion: string | undefined): Asked {
  if (!isResourceId(target)) {
    throw new TemplateViolation(
      `The resource reference '${target}' is not valid: could not find template resource or resource copy with this name. Please see https://aka.ms/arm-function-reference for usage details.`,
    )
  }
  if (apiVersion !== undefined) return { id: target, apiVersion, declared: undefined }
  throw new TemplateViolation(
    `The resource '${target}' is not defined in the template, so that its reference needs an API version. Please see https://aka.ms/arm-function-reference for usage details.`,
  )
}

async function reference(target: Asked, full: boolean, sender: Sender): Promise<Json> {
  const body = await answer('GET', target, sender)
  const properties = property(body, 'properties') ?? {}
  return full ? fullForm(body, target) : properties
}

/** The form of `reference(…, …, 'Full')`: everything but the id, the name and the type, and facts of the deployment. */
function fullForm(body: JsonObject, { id, apiVersion, declared }: Asked): JsonObject {
  const { id: _, name: __, type: ___, ...rest } = body
  return {
    apiVersion,
    ...rest,
    subscriptionId: subscriptionOf(id),
    resourceGroupName: resourceGroupOf(id) ?? null,
    scope: '',
    resourceId: typeof body['id'] === 'string' ? body['id'] : id,
    referenceApiVersion: apiVersion,
    condition: true,
    isConditionTrue: true,
    isTemplateResource: declared !== undefined,
    isAction: false,
    provisioningOperation: declared === undefined || declared.existing ? 'Read' : 'Create',
  }
}

function list(target: Asked, question: Question & { ask: 'list' }, sender: Sender): Promise<JsonObject> {
  return answer('POST', { ...target, id: `${target.id}/${question.operation}` }, sender, question.body)
}

async function answer(method: string, target: Asked, sender: Sender, body?: Json): Promise<JsonObject> {
  const path = `${encodeURI(target.id)}?api-version=${encodeURIComponent(target.apiVersion)}`
  const response = await sender.send(method, path, body)
  if (response.status >= 400) throw new NoAnswer(errorOf(response))
  return isJsonObject(response.body) ? response.body : {}
}
