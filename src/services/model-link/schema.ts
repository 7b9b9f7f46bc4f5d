import { type Address, address, type JsonObject } from '../../core/model.ts'
import { item } from '../../core/snapshot.ts'
import type { Int64 } from '../../mlflow/int64.ts'

/** Which logged models a run read and made, by the ids that both sides know. */
export interface ModelLinkBody {
  readonly experiment: string
  readonly run: string
  readonly read: readonly string[]
  readonly made: readonly { readonly model: string; readonly step: Int64 }[]
}

export function modelLinkItem(body: ModelLinkBody, models: readonly Address[]) {
  const { experiment, run } = body
  const sorted = {
    experiment,
    run,
    read: [...new Set(body.read)].toSorted(),
    made: body.made.toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1)),
  } satisfies ModelLinkBody
  const needs = [address('run', experiment, run), ...models]
  return item(address('model-link', experiment, run), sorted satisfies JsonObject, needs)
}

export function keyOf({ model, step }: ModelLinkBody['made'][number]): string {
  return `${model} ${step}`
}

export function modelLinkBody(body: JsonObject): ModelLinkBody {
  return body as unknown as ModelLinkBody
}
