import type { JsonObject } from '../../../core/model.ts'
import { tagsOf } from '../../../mlflow/kept.ts'
import type { ModelVersion, RegisteredModel } from '../../../mlflow/registry.ts'
import type { Pair } from '../../../mlflow/tracking.ts'
import type { Tell } from '../differences.ts'
import { apart, type Pass } from '../pass.ts'
import { SOURCE_VERSION, subjectOf } from '../registering.ts'
import { withOwnSource } from '../sources.ts'

/** Compares registered models, prompts among them, with every version. Returns how many versions there are. */
export async function compareRegistered(pass: Pass, tell: Tell): Promise<number> {
  const { from, filter } = pass.parts
  let count = 0
  for await (const model of from.registry?.models(pass.signal) ?? []) {
    if (filter.models.length > 0 && !filter.models.includes(model.name)) continue
    await apart(pass, `registered model ${model.name}`, async () => {
      count += await compareModel(pass, model, tell)
    })
  }
  return count
}

async function compareModel(pass: Pass, model: RegisteredModel, tell: Tell): Promise<number> {
  const { from, to } = pass.parts
  const { signal } = pass
  const { name } = model
  const versions = ((await from.registry?.versions(name, signal)) ?? []).map(withOwnSource)
  const there = await to.registry?.model(name, signal)
  const replicas = there === undefined ? [] : ((await to.registry?.versions(name, signal)) ?? []).map(withOwnSource)
  const numbers = new Map(replicas.map((one) => [one.version, tagUnder(one.tags, SOURCE_VERSION) ?? one.version]))
  // A server keeps an alias of a version that is gone; nobody can set it elsewhere.
  const living = model.aliases.filter(({ value }) => versions.some(({ version }) => version === value))
  const theirs = there?.aliases.map(({ key, value }) => ({ key, value: numbers.get(value) ?? value }))
  tell(
    `registered model ${name}`,
    view({ ...model, aliases: living }),
    there === undefined ? null : view({ ...there, aliases: theirs ?? [] }),
  )
  for (const version of versions) {
    const replica = replicas.find((one) => numbers.get(one.version) === version.version)
    compareVersion(pass, { version, replica }, tell)
  }
  return versions.length
}

function view({ description, tags, aliases }: RegisteredModel): JsonObject {
  return { description, tags: record(tags), aliases: Object.fromEntries(aliases.map(({ key, value }) => [key, value])) }
}

function compareVersion(
  { identities }: Pass,
  { version, replica }: { readonly version: ModelVersion; readonly replica: ModelVersion | undefined },
  tell: Tell,
): void {
  const wanted = {
    ...version,
    source: identities.rewritten(version.source),
    runId: identities.run(version.runId) ?? version.runId,
    modelId: identities.model(version.modelId) ?? version.modelId,
  }
  tell(subjectOf(version), viewOf(wanted), replica === undefined ? null : viewOf(replica))
}

function viewOf({ source, runId: run, modelId, description, stage, tags }: ModelVersion): JsonObject {
  return { source, run, loggedModel: modelId, description, stage, tags: record(tags) }
}

function record(pairs: readonly Pair[]): JsonObject {
  return Object.fromEntries([...tagsOf(pairs).tags].filter(([key]) => !key.startsWith('holdfast.')))
}

function tagUnder(pairs: readonly Pair[], key: string): string | undefined {
  return pairs.find((one) => one.key === key)?.value
}
