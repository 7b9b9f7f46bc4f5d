import { Fault } from '../../core/errors.ts'
import { type Address, type Item, segmentsOf } from '../../core/model.ts'
import type { RegisteredModel } from '../../mlflow/registry.ts'
import type { Histories } from '../history-names.ts'
import type { Carriage, Place, Reach, Service } from '../service.ts'
import { type RegisteredModelBody, registeredModelBody, registeredModelItem } from './schema.ts'

/** Registered models of MLflow's registry, without their versions. See ./readme.md. */
export function registeredModels(histories: Histories): Service {
  async function* list(place: Place, { signal }: Reach): AsyncIterable<Item> {
    for await (const model of histories.of(place).registry.models(signal)) yield registeredModelItem(model)
  }

  async function read(place: Place, of: Address, { signal }: Reach): Promise<Item | undefined> {
    const found = await histories.of(place).registry.model(segmentsOf(of)[0] ?? '', signal)
    return found && registeredModelItem(found)
  }

  async function converge(place: Place, wanted: Item, { signal }: Carriage): Promise<Item> {
    const body = registeredModelBody(wanted.body)
    const { registry } = histories.of(place)
    const there = await standing(place, body, signal)
    const has = new Map(there.tags.map(({ key, value }) => [key, value]))
    if (there.description !== body.description) await registry.describeModel(body.name, body.description, signal)
    for (const [key, value] of Object.entries(body.tags)) {
      if (has.get(key) !== value) await registry.setModelTag(body.name, { key, value }, signal)
    }
    for (const key of has.keys()) {
      if (!Object.hasOwn(body.tags, key)) await registry.deleteModelTag(body.name, key, signal)
    }
    return (await read(place, wanted.address, { signal })) ?? wanted
  }

  async function mergeInto(place: Place, theirs: Item, { signal }: Carriage): Promise<Item> {
    const body = registeredModelBody(theirs.body)
    const { registry } = histories.of(place)
    const there = await standing(place, body, signal)
    if (there.description === '' && body.description !== '') {
      await registry.describeModel(body.name, body.description, signal)
    }
    const has = new Set(there.tags.map(({ key }) => key))
    for (const [key, value] of Object.entries(body.tags)) {
      if (!has.has(key)) await registry.setModelTag(body.name, { key, value }, signal)
    }
    return (await read(place, theirs.address, { signal })) ?? theirs
  }

  async function standing(place: Place, body: RegisteredModelBody, signal: AbortSignal): Promise<RegisteredModel> {
    const { registry } = histories.of(place)
    const there = await registry.model(body.name, signal)
    if (there !== undefined) return there
    const { name, description } = body
    const tags = Object.entries(body.tags).map(([key, value]) => ({ key, value }))
    try {
      await registry.createModel({ name, description, tags }, signal)
    } catch (thrown) {
      // Somebody else was faster, or this was sent before and nobody heard.
      const found = await registry.model(name, signal)
      if (found === undefined) throw thrown
      return found
    }
    return { name, description, tags, aliases: [] }
  }

  return {
    kind: 'registered-model',
    needs: [],
    can: { converge: true, update: true, remove: false, acts: false, ordered: false },
    list,
    read,
    references: () => [],
    converge,
    mergeInto,
    remove: () => Promise.reject(new Fault('run/defect', 'A registered model is never removed')),
  }
}
