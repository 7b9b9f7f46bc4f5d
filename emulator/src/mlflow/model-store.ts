import type { Resource } from '../arm/resources.ts'
import { artifactFolder } from '../history/artifact-store.ts'
import { ensureAssetContainer, refuseBuried } from '../ml/assets.ts'
import type { Region } from '../region.ts'
import { absent, invalid } from './answers.ts'
import type { Request } from './request.ts'

const VERSIONS = 'Microsoft.MachineLearningServices/workspaces/models/versions'
const MODELS = 'Microsoft.MachineLearningServices/workspaces/models'
const EVERYTHING = { limit: Number.MAX_SAFE_INTEGER - 1 }

type Values = Readonly<Record<string, unknown>>

/**
 * What MLflow knows of a model version and ARM does not show. It belongs to the row of the resource, so a
 * version that is made again after a removal starts without it.
 */
export interface Facts {
  /** As the client gave it; absent for a version that came through ARM. */
  readonly source?: string
  readonly runId?: string
  readonly runLink?: string
  /** Where the bytes are, for a source of the form `models:/name/version`. */
  readonly storage?: string
}

/** Tables of {@link Facts} and of aliases. What is in them goes with its row, whichever API removes that. */
export function openModels(region: Region): void {
  region.db.migrate(`
    CREATE TABLE IF NOT EXISTS modelFacts (seq INTEGER PRIMARY KEY, facts TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS modelAliases (
      container INTEGER NOT NULL, alias TEXT NOT NULL, version TEXT NOT NULL,
      PRIMARY KEY (container, alias)) WITHOUT ROWID;
    CREATE TRIGGER IF NOT EXISTS models_forgotten AFTER DELETE ON resources BEGIN
      DELETE FROM modelFacts WHERE seq = OLD.seq;
      DELETE FROM modelAliases WHERE container = OLD.seq;
      DELETE FROM modelAliases
        WHERE container = (SELECT seq FROM resources WHERE id = OLD.parent) AND version = OLD.name;
    END;`)
}

/** The registered models of one workspace. They are ARM's `models`: what one side writes, the other reads. */
export class ModelStore {
  readonly #region: Region
  readonly #workspace: string

  constructor({ region, scope }: Request) {
    this.#region = region
    this.#workspace = scope.workspace
  }

  container(name: string): Resource | undefined {
    return this.#region.resources.get(this.#idOf(name))
  }

  needContainer(name: string): Resource {
    const found = this.container(name)
    if (found === undefined) throw absent(`Registered Model with name=${name} not found`)
    return found
  }

  version(name: string, version: string): Resource | undefined {
    return this.#region.resources.get(this.#idOf(name, version))
  }

  /** The version of that name. MLflow's are numbers; those of ARM's clients may be words. */
  needVersion(name: string, version: string): Resource {
    const found = this.version(name, version)
    if (found !== undefined) return found
    if (!/^-?\d+$/.test(version)) throw invalid(`Parameter 'version' must be an integer, got '${version}'.`)
    throw absent(`Model Version (name=${name}, version=${version}) not found`)
  }

  containers(): readonly Resource[] {
    return this.#region.resources.list(this.#workspace, MODELS, EVERYTHING).items
  }

  versions(container: Resource): readonly Resource[] {
    return this.#region.resources.list(container.id, VERSIONS, EVERYTHING).items
  }

  /** The version of an alias, or `undefined`. */
  aliased(container: Resource, alias: string): string | undefined {
    return this.aliases(container).find((one) => one.alias === alias)?.version
  }

  aliases(container: Resource): { readonly alias: string; readonly version: string }[] {
    return this.#region.db.all(
      'SELECT alias, version FROM modelAliases WHERE container = ? ORDER BY alias',
      container.seq,
    )
  }

  facts(version: Resource): Facts {
    const row = this.#region.db.get<{ facts: string }>('SELECT facts FROM modelFacts WHERE seq = ?', version.seq)
    return row === undefined ? {} : JSON.parse(row.facts)
  }

  /** Makes an empty registered model. Only inside a write. */
  createContainer(name: string, properties: Values, by: string): Resource {
    ensureAssetContainer(this.#region, 'models', { id: this.#idOf(name, '0'), sent: {}, by })
    return this.change(this.needContainer(name), properties, by)
  }

  /** Makes the next version of a model. Only inside a write. */
  createVersion(
    container: Resource,
    properties: Values,
    given: { readonly facts: Facts; readonly by: string },
  ): Resource {
    const { db, resources } = this.#region
    const number = resources.highest(container.id, VERSIONS) + 1
    const id = `${container.id}/versions/${number}`
    refuseBuried(this.#region, id)
    const version = resources.put(id, { properties: { ...DEFAULTS, ...properties } }, given.by)
    db.run('INSERT OR REPLACE INTO modelFacts (seq, facts) VALUES (?, ?)', version.seq, JSON.stringify(given.facts))
    return version
  }

  /** Changes properties of a model or version. Only inside a write. */
  change(resource: Resource, properties: Values, by: string): Resource {
    const held = resource.body['properties'] as Values
    return this.#region.resources.put(resource.id, { ...resource.body, properties: { ...held, ...properties } }, by)
  }

  /** Marks a model as changed now, as MLflow does when a version of it comes, goes or changes its stage. Only inside a write. */
  touch(container: Resource, by: string): void {
    this.change(container, {}, by)
  }

  /** Where the bytes of a version are: its source, or that of the version which it copies. */
  originOf(version: Resource): string {
    const facts = this.facts(version)
    return facts.storage ?? facts.source ?? String((version.body['properties'] as Values)['modelUri'] ?? '')
  }

  /** Removes a version, which leaves a tombstone, and the aliases that point to it. Only inside a write. */
  removeVersion(version: Resource): void {
    this.#region.resources.remove(version.id, true)
  }

  /** Removes a model with all its versions. Only inside a write. */
  removeContainer(container: Resource): void {
    for (const version of this.versions(container)) this.removeVersion(version)
    this.#region.resources.remove(container.id)
  }

  setAlias(container: Resource, alias: string, version: string): void {
    this.removeAlias(container, alias)
    this.#region.db.run('INSERT INTO modelAliases VALUES (?, ?, ?)', container.seq, alias, version)
  }

  removeAlias(container: Resource, alias: string): void {
    this.#region.db.run('DELETE FROM modelAliases WHERE container = ? AND alias = ?', container.seq, alias)
  }

  #idOf(name: string, version?: string): string {
    const model = `${this.#workspace}/models/${name}`
    return version === undefined ? model : `${model}/versions/${version}`
  }
}

const DEFAULTS = {
  description: null,
  tags: {},
  properties: {},
  isAnonymous: false,
  isArchived: false,
  stage: 'None',
  provisioningState: 'Succeeded',
}

/** Where the bytes of a source are, as a path of the workspace's artifacts; `undefined` for a source elsewhere. */
export function artifactPathOf(source: string): string | undefined {
  const proxied = /^mlflow-artifacts:\/+(?:[^/]+\/)??(ExperimentRun|LocalUpload|datastores)\/(.*)$/.exec(source)
  if (proxied !== null) return `${proxied[1]}/${proxied[2]}`
  const ofRun = /\/runs\/([^/]+)\/artifacts\/?(.*)$/.exec(source) ?? /^runs:\/+([^/]+)\/(.*)$/.exec(source)
  if (ofRun !== null) return `${artifactFolder(ofRun[1] ?? '')}/${ofRun[2] ?? ''}`
  const ofJob = /^azureml:\/\/jobs\/([^/]+)\/outputs\/artifacts\/paths\/(.*)$/.exec(source)
  if (ofJob !== null) return `${artifactFolder(ofJob[1] ?? '')}/${ofJob[2] ?? ''}`
  const plugin = /^azureml:\/\/artifacts\/(.*)$/.exec(source)
  if (plugin !== null) return plugin[1]
  const stored = /\/datastores\/([^/]+)\/paths\/(.*)$/.exec(source)
  if (stored === null) return undefined
  return stored[1] === 'workspaceartifactstore' ? stored[2] : `datastores/${stored[1]}/paths/${stored[2]}`
}

/** `modelUri` of a version whose MLflow source is this. A source outside the workspace stays as it is. */
export function modelUriOf(workspace: string, source: string): string {
  const path = artifactPathOf(source)
  if (path === undefined) return source
  const [, s, g, w] = /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/.*\/([^/]+)$/i.exec(workspace) ?? []
  const place = path.startsWith('datastores/') ? path : `datastores/workspaceartifactstore/paths/${path}`
  return `azureml://subscriptions/${s}/resourceGroups/${g}/workspaces/${w}/${place}`
}

/**
 * The source in a form that the client can read. Only Microsoft's plugin reads `azureml:`, and only other clients
 * go through the proxy; what either scheme names in this workspace is put into the other.
 */
export function downloadUriOf(source: string, plugin: boolean): string {
  const path = (plugin ? /^mlflow-artifacts:/ : /^azureml:/).test(source) ? artifactPathOf(source) : undefined
  if (path === undefined) return source
  return plugin ? `azureml://artifacts/${path}` : `mlflow-artifacts:/${path}`
}
