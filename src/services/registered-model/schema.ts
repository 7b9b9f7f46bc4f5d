import { address, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import type { RegisteredModel } from '../../mlflow/registry.ts'

/** A registered model without its versions. */
export interface RegisteredModelBody {
  readonly name: string
  readonly description: string
  readonly tags: Readonly<Record<string, string>>
}

export function registeredModelItem({ name, description, tags }: RegisteredModel) {
  const body = {
    name,
    description,
    tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
  } satisfies RegisteredModelBody
  return item(address('registered-model', name), body satisfies JsonObject, [])
}

export function registeredModelBody(body: JsonObject): RegisteredModelBody {
  return body as unknown as RegisteredModelBody
}
