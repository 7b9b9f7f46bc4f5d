import { setOrKeep, tagsOf } from '../../mlflow/kept.ts'
import type { ModelRegistry, ModelVersion, RegisteredModel } from '../../mlflow/registry.ts'
import type { Pair } from '../../mlflow/tracking.ts'
import { apart, type Pass, persistently } from './pass.ts'
import { acquaintAll } from './recent.ts'

/** Tag by which a version says which version of the source it is a copy of. */
export const SOURCE_VERSION = 'holdfast.source_version'
/** Tag of a version that only keeps a number free, until what follows it is there. */
const FILLER = 'holdfast.filler'
const OWN = new Set([SOURCE_VERSION, FILLER])
/** A gap that is wider is not kept: its numbers are mapped. */
const WIDEST_GAP = 1000

/** Carries registered models with versions under the same numbers, aliases, stages, descriptions and tags. */
export async function copyRegistered(pass: Pass): Promise<void> {
  const { parts, signal } = pass
  const { from, to, filter } = parts
  if (from.registry === undefined) return
  for await (const model of from.registry.models(signal)) {
    if (filter.models.length > 0 && !filter.models.includes(model.name)) continue
    const subject = `registered model ${model.name}`
    const [source, target] = [from.registry, to.registry]
    await apart(pass, subject, async () => {
      if (target === undefined) {
        pass.troubles.push({ subject, code: 'sync/loss', message: `${to.name} keeps no registered models` })
        return
      }
      await persistently(() => copyModel(pass, { source, target }, model))
    })
    parts.progress.advance()
  }
}

interface Registries {
  readonly source: ModelRegistry
  readonly target: ModelRegistry
}

async function copyModel(pass: Pass, { source, target }: Registries, model: RegisteredModel): Promise<void> {
  const { signal, parts } = pass
  const { name } = model
  let there = await target.model(name, signal)
  if (there === undefined) {
    // Tags come after it: one that is refused must not cost the model.
    await target.createModel({ ...model, tags: [] }, signal)
    there = { ...model, tags: [], aliases: [] }
    pass.tally.models += 1
  }
  if (there.description !== model.description) await target.describeModel(name, model.description, signal)
  const before = remembered(parts.ledger.get(`registered/${name}`))
  await becomeTags(there.tags, model.tags, {
    before: before.tags,
    set: (tag) => target.setModelTag(name, tag, signal),
    remove: (key) => target.deleteModelTag(name, key, signal),
  })
  const versions = await source.versions(name, signal)
  const replicas = await copyVersions(pass, target, versions)
  await copyAliases(pass, target, { model, there, replicas, before: before.aliases })
  const kept = { tags: keysOf(model.tags), aliases: keysOf(model.aliases) }
  parts.ledger.put(`registered/${name}`, JSON.stringify(kept))
}

/** Which tags and aliases were carried last: what is gone since is taken away, what was never carried stays. */
function remembered(text: string | undefined): {
  readonly tags: readonly string[]
  readonly aliases: readonly string[]
} {
  return text === undefined ? { tags: [], aliases: [] } : JSON.parse(text)
}

/** Makes every version be there. Returns the number at the target by the number at the source. */
async function copyVersions(
  pass: Pass,
  target: ModelRegistry,
  versions: readonly ModelVersion[],
): Promise<ReadonlyMap<string, string>> {
  const { signal } = pass
  const replicas = new Map<string, string>()
  const name = versions[0]?.name
  if (name === undefined) return replicas
  const all = await target.versions(name, signal)
  const standing = new Map(all.flatMap((one) => sourceNumbers(one).map((number) => [number, one] as const)))
  const fillers = all.filter((one) => textUnder(one.tags, FILLER) !== undefined).map(({ version }) => version)
  let last = Math.max(0, ...all.map(({ version }) => Number(version)))
  for (const version of versions) {
    let replica = standing.get(version.version)
    if (replica === undefined) {
      last = await keepGap(pass, target, { version, last, fillers })
      replica = await createVersion(pass, target, version)
      last = Number(replica.version)
      pass.tally.versions += 1
    }
    replicas.set(version.version, replica.version)
    await alignVersion(pass, target, { version, replica })
    if (replica.version !== version.version) {
      pass.remarks.push({
        subject: `version ${version.version} of ${name}`,
        remark: `is version ${replica.version} at the target, which does not give that number again`,
      })
    }
  }
  for (const version of fillers) await target.deleteVersion({ name, version }, signal)
  return replicas
}

function sourceNumbers({ tags }: ModelVersion): readonly string[] {
  const number = textUnder(tags, SOURCE_VERSION)
  return number === undefined ? [] : [number]
}

/** Uses up the numbers that the source has no versions under. Returns the last that was given. */
async function keepGap(
  pass: Pass,
  target: ModelRegistry,
  { version, last, fillers }: { readonly version: ModelVersion; readonly last: number; readonly fillers: string[] },
): Promise<number> {
  const wanted = Number(version.version)
  await acquaintAll(pass, `${version.source} ${version.runId}`)
  let given = last
  if (wanted - last > WIDEST_GAP) return given
  while (given < wanted - 1) {
    const tags = [{ key: FILLER, value: 'true' }]
    const filler = await target.createVersion({ ...renamed(pass, version), tags, description: '' }, pass.signal)
    fillers.push(filler.version)
    given = Number(filler.version)
  }
  return given
}

async function createVersion(pass: Pass, target: ModelRegistry, version: ModelVersion): Promise<ModelVersion> {
  await acquaintAll(pass, `${version.source} ${version.runId}`)
  const tags = [{ key: SOURCE_VERSION, value: version.version }]
  return target.createVersion({ ...renamed(pass, version), tags }, pass.signal)
}

/** A version that names runs, logged models and files as the target does. */
function renamed({ identities }: Pass, version: ModelVersion): ModelVersion {
  return {
    ...version,
    source: identities.rewritten(version.source),
    runId: identities.run(version.runId) ?? version.runId,
    modelId: identities.model(version.modelId) ?? '',
  }
}

async function alignVersion(
  { parts, signal }: Pass,
  target: ModelRegistry,
  { version, replica }: { readonly version: ModelVersion; readonly replica: ModelVersion },
): Promise<void> {
  const of = { name: replica.name, version: replica.version }
  if (replica.description !== version.description) await target.describeVersion(of, version.description, signal)
  if (replica.stage !== version.stage) await target.setStage(of, version.stage, signal)
  const key = `version/${version.name}/${version.version}`
  const before = parts.ledger.get(key)
  await becomeTags(replica.tags, version.tags, {
    before: before === undefined ? [] : (JSON.parse(before) as readonly string[]),
    set: (tag) => target.setVersionTag(of, tag, signal),
    remove: (tag) => target.deleteVersionTag(of, tag, signal),
  })
  const now = JSON.stringify(keysOf(carried(version.tags)))
  if (now !== before) parts.ledger.put(key, now)
}

interface TagChange {
  readonly before: readonly string[]
  set(tag: Pair): Promise<void>
  remove(key: string): Promise<void>
}

async function becomeTags(there: readonly Pair[], wanted: readonly Pair[], change: TagChange): Promise<void> {
  const [names, tags] = [tagsOf(there), tagsOf(carried(wanted)).tags]
  const gone = change.before.filter((key) => !tags.has(key) && names.tags.has(key))
  const changed = [...tags].filter(([key, value]) => names.tags.get(key) !== value)
  const stale = [...gone, ...changed.map(([key]) => key)].flatMap((key) => names.kept('tag', key))
  for (const key of [...gone.filter((one) => textUnder(there, one) !== undefined), ...stale]) await change.remove(key)
  for (const [key, value] of changed) await setOrKeep({ key, value }, change.set)
}

interface AliasCopy {
  readonly model: RegisteredModel
  readonly there: RegisteredModel
  readonly replicas: ReadonlyMap<string, string>
  readonly before: readonly string[]
}

async function copyAliases(pass: Pass, target: ModelRegistry, copy: AliasCopy): Promise<void> {
  const { model, there, replicas, before } = copy
  for (const { key, value } of model.aliases) {
    const version = replicas.get(value)
    if (version === undefined) {
      pass.troubles.push({
        subject: `alias ${key} of ${model.name}`,
        code: 'sync/loss',
        message: `names version ${value}, which the target does not have`,
      })
    } else if (textUnder(there.aliases, key) !== version) {
      await target.setAlias(model.name, { key, value: version }, pass.signal)
    }
  }
  for (const key of before) {
    const isGone = textUnder(model.aliases, key) === undefined && textUnder(there.aliases, key) !== undefined
    if (isGone) await target.deleteAlias(model.name, key, pass.signal)
  }
}

function carried(tags: readonly Pair[]): readonly Pair[] {
  return tags.filter(({ key }) => !OWN.has(key))
}

function keysOf(pairs: readonly Pair[]): readonly string[] {
  return [...tagsOf(pairs).tags.keys()].toSorted()
}

function textUnder(pairs: readonly Pair[], key: string): string | undefined {
  return pairs.find((one) => one.key === key)?.value
}
