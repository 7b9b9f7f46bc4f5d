import { setOrKeep, tagsOf } from '../../mlflow/kept.ts'
import type { ModelRegistry, ModelVersion, RegisteredModel } from '../../mlflow/registry.ts'
import type { Pair } from '../../mlflow/tracking.ts'
import { noteKey } from './notes.ts'
import { apart, isSilence, type Pass, persistently } from './pass.ts'
import { acquaintAll } from './recent.ts'
import {
  carried,
  createModel,
  createVersion,
  FILLER,
  keepGap,
  renamed,
  SOURCE_VERSION,
  subjectOf,
} from './registering.ts'
import { isSourceCarried, withOwnSource } from './sources.ts'

/** Carries registered models with versions under the same numbers, aliases, stages, descriptions and tags. */
export async function copyRegistered(pass: Pass): Promise<void> {
  const { parts, signal } = pass
  const { from, to, filter } = parts
  if (from.registry === undefined) return
  const late: RegisteredModel[] = []
  const registries = { source: from.registry, target: to.registry }
  for await (const model of from.registry.models(signal)) {
    if (filter.models.length > 0 && !filter.models.includes(model.name)) continue
    await copyOne(pass, registries, model, late)
    parts.progress.advance()
  }
  // A version may name one of a model that came later, which may wait for another in its turn.
  for (let before = Number.POSITIVE_INFINITY; late.length > 0 && late.length < before; ) {
    before = late.length
    for (const model of late.splice(0)) await copyOne(pass, registries, model, late)
  }
  for (const model of late) await copyOne(pass, registries, model)
}

/** What fails is put off where that is wanted, and otherwise named. */
async function copyOne(
  pass: Pass,
  { source, target }: { readonly source: ModelRegistry; readonly target: ModelRegistry | undefined },
  model: RegisteredModel,
  late?: RegisteredModel[],
): Promise<void> {
  const subject = `registered model ${model.name}`
  if (target === undefined) {
    pass.troubles.push({ subject, code: 'sync/loss', message: `${pass.parts.to.name} keeps no registered models` })
    return
  }
  await apart(pass, subject, async () => {
    try {
      await persistently(() => copyModel(pass, { source, target, isLast: late === undefined }, model))
    } catch (thrown) {
      pass.signal.throwIfAborted()
      if (late === undefined || isSilence(thrown)) throw thrown
      late.push(model)
    }
  })
}

interface Registries {
  readonly source: ModelRegistry
  readonly target: ModelRegistry
  /** Whether all models that can come before this one are there. */
  readonly isLast: boolean
}

async function copyModel(pass: Pass, registries: Registries, model: RegisteredModel): Promise<void> {
  const { signal, parts } = pass
  const { source, target } = registries
  const { name } = model
  let there = await target.model(name, signal)
  if (there === undefined) {
    there = await createModel(target, model, signal)
    pass.tally.models += 1
  }
  if (there.description !== model.description) await target.describeModel(name, model.description, signal)
  const before = remembered(parts.ledger.get(noteKey('registered', name)))
  await becomeTags(there.tags, model.tags, {
    before: before.tags,
    set: (tag) => target.setModelTag(name, tag, signal),
    remove: (key) => target.deleteModelTag(name, key, signal),
  })
  const versions = (await source.versions(name, signal)).map(withOwnSource)
  const replicas = await copyVersions(pass, registries, versions)
  const living = model.aliases.filter(({ value }) => versions.some(({ version }) => version === value))
  for (const { key, value } of model.aliases.filter((alias) => !living.includes(alias))) {
    pass.remarks.push({
      subject: `alias ${key} of ${name}`,
      remark: `names version ${value}, which is gone at the source`,
    })
  }
  await copyAliases(pass, target, { model: { ...model, aliases: living }, there, replicas, before: before.aliases })
  const kept = { tags: keysOf(model.tags), aliases: keysOf(model.aliases) }
  parts.ledger.put(noteKey('registered', name), JSON.stringify(kept))
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
  { target, isLast }: Pick<Registries, 'target' | 'isLast'>,
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
    await acquaintAll(pass, `${version.source} ${version.runId}`)
    let replica = standing.get(version.version) ?? originOf(pass, version, all)
    if (replica !== undefined) nameOther(pass, version, replica)
    else {
      last = await keepGap(pass, target, { version, last, fillers })
      replica = await createVersion(pass, { target, isLast }, version)
      if (replica === undefined) continue
      last = Number(replica.version)
      pass.tally.versions += 1
    }
    replicas.set(version.version, replica.version)
    await alignVersion(pass, target, { version, replica })
    await remarkOn(pass, version, replica)
  }
  for (const version of fillers) await target.deleteVersion({ name, version }, signal)
  return replicas
}

function sourceNumbers({ tags }: ModelVersion): readonly string[] {
  const number = textUnder(tags, SOURCE_VERSION)
  return number === undefined ? [] : [number]
}

/** The version of which this one is a copy, where that comes back to where it was made: of that number, and the same. */
function originOf(pass: Pass, version: ModelVersion, all: readonly ModelVersion[]): ModelVersion | undefined {
  const [number] = sourceNumbers(version)
  const found = all.find((one) => one.version === number && sourceNumbers(one).length === 0)
  return found !== undefined && othernessOf(pass, version, found).length === 0 ? found : undefined
}

/** What can never change of a version, and is not as it is at the source: one that was made again there is another one. */
function othernessOf(pass: Pass, version: ModelVersion, replica: ModelVersion): readonly string[] {
  const wanted = renamed(pass, version)
  const there = withOwnSource(replica)
  const run = there.runId || 'none'
  return [
    ...(there.source === wanted.source ? [] : [`its source is ${wanted.source}, and ${there.source} there`]),
    ...(there.runId === wanted.runId ? [] : [`it is of the run ${wanted.runId}, and of ${run} there`]),
  ]
}

function nameOther(pass: Pass, version: ModelVersion, replica: ModelVersion): void {
  const apart = othernessOf(pass, version, replica)
  if (apart.length === 0) return
  const message = `${apart.join('; ')}: neither can be changed`
  pass.troubles.push({ subject: subjectOf(version), code: 'sync/conflict', message })
}

async function remarkOn(pass: Pass, version: ModelVersion, replica: ModelVersion): Promise<void> {
  const subject = subjectOf(version)
  if (replica.version !== version.version) {
    const remark = `is version ${replica.version} at the target, which does not give that number again`
    pass.remarks.push({ subject, remark })
  }
  if (!isSourceCarried(pass, version)) await acquaintAll(pass, version.source)
  if (!isSourceCarried(pass, version)) {
    pass.remarks.push({ subject, remark: `its files stay where they are; it goes on naming ${version.source}` })
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
  const key = noteKey('version', `${version.name}/${version.version}`)
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

function keysOf(pairs: readonly Pair[]): readonly string[] {
  return [...tagsOf(pairs).tags.keys()].toSorted()
}

function textUnder(pairs: readonly Pair[], key: string): string | undefined {
  return pairs.find((one) => one.key === key)?.value
}
