import type { Resource } from '../arm/resources.ts'
import { pairs, unlessEmpty } from './answers.ts'
import { downloadUriOf, type ModelStore } from './model-store.ts'
import type { Request } from './request.ts'
import { isPlugin } from './run-json.ts'

export const STAGES = ['None', 'Staging', 'Production', 'Archived'] as const
export type ModelStage = (typeof STAGES)[number]

type Properties = Readonly<Record<string, unknown>>

export function propertiesOf(resource: Resource): Properties {
  return (resource.body['properties'] ?? {}) as Properties
}

/** Tags of a model or version; ARM and MLflow share them. */
export function tagsOf(resource: Resource): Record<string, string> {
  return (propertiesOf(resource)['tags'] ?? {}) as Record<string, string>
}

/** The stage of a version; one that ARM's clients wrote and MLflow does not know counts as `None`. */
export function stageOf(version: Resource): ModelStage {
  const stage = String(propertiesOf(version)['stage'] ?? '').toLowerCase()
  return STAGES.find((one) => one.toLowerCase() === stage) ?? 'None'
}

/** Source of a version: what its maker said over MLflow, or else its `modelUri`. */
export function sourceOf(store: ModelStore, version: Resource): string {
  return store.facts(version).source ?? String(propertiesOf(version)['modelUri'] ?? '')
}

/** A version as an answer about it alone has it: with its aliases, which lists leave out. */
export function oneVersionJson(request: Request, store: ModelStore, version: Resource): object {
  const aliases = store.aliases(store.needContainer(modelNameOf(version))).filter((one) => one.version === version.name)
  return { ...versionJson(request, store, version), aliases: unlessEmpty(aliases.map(({ alias }) => alias)) }
}

export function versionJson(request: Request, store: ModelStore, version: Resource): object {
  const facts = store.facts(version)
  const { jobName, description } = propertiesOf(version)
  return {
    name: modelNameOf(version),
    version: version.name,
    creation_timestamp: Date.parse(version.createdAt),
    last_updated_timestamp: Date.parse(version.modifiedAt),
    current_stage: stageOf(version),
    ...(typeof description === 'string' ? { description } : {}),
    source: facts.source ?? downloadUriOf(sourceOf(store, version), isPlugin(request)),
    run_id: facts.runId ?? (typeof jobName === 'string' ? jobName : ''),
    status: 'READY',
    tags: pairs(tagsOf(version)),
    run_link: facts.runLink ?? '',
  }
}

export function modelJson(request: Request, store: ModelStore, container: Resource): object {
  const description = propertiesOf(container)['description']
  const latest = latestOf(store.versions(container))
  return {
    name: container.name,
    creation_timestamp: Date.parse(container.createdAt),
    last_updated_timestamp: Date.parse(container.modifiedAt),
    ...(typeof description === 'string' && description !== '' ? { description } : {}),
    latest_versions: unlessEmpty(latest.map((version) => versionJson(request, store, version))),
    tags: pairs(tagsOf(container)),
    aliases: unlessEmpty(store.aliases(container)),
  }
}

/** The newest version of each stage that has one. */
export function latestOf(versions: readonly Resource[]): Resource[] {
  const byStage = Map.groupBy(versions, stageOf)
  return [...byStage.values()].map((group) => group.reduce((a, b) => (numberOf(b) > numberOf(a) ? b : a)))
}

/** Number of a version; one that ARM's clients named with letters counts as 0. */
export function numberOf(version: Resource): number {
  return /^\d+$/.test(version.name) ? Number(version.name) : 0
}

function modelNameOf(version: Resource): string {
  return version.parent.split('/').at(-1) ?? ''
}
