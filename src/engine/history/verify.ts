import { canonical, sameJson } from '../../core/canonical.ts'
import { address, type Json, type JsonObject } from '../../core/model.ts'
import { namesOf, tagsOf } from '../../mlflow/kept.ts'
import type { ModelVersion } from '../../mlflow/registry.ts'
import type { Pair, TrackedRun } from '../../mlflow/tracking.ts'
import { census, chosenExperiments, takesModels } from './copy.ts'
import { digestOf, listed, type Shelf } from './files.ts'
import { inParallel } from './in-parallel.ts'
import { linksOf, withModels } from './links.ts'
import type { HistoryParts, Trouble } from './parts.ts'
import { apart, openPass, type Pass } from './pass.ts'
import { SOURCE_VERSION } from './registering.ts'
import { addressOf, subjectOf, takes } from './runs.ts'
import { withOwnSource } from './sources.ts'
import { comparePoints } from './verify-points.ts'
import { compareTraces } from './verify-traces.ts'

/** One thing that is not the same on both sides. Absence is `null`. */
export interface Difference {
  readonly subject: string
  readonly field: string
  readonly source: Json
  readonly target: Json
}

export interface Verified {
  readonly runs: number
  readonly points: number
  readonly files: number
  readonly versions: number
  readonly traces: number
  readonly differences: readonly Difference[]
  /** What could not be compared. */
  readonly troubles: readonly Trouble[]
}

const RUNS_AT_ONCE = 8

interface Counts {
  runs: number
  points: number
  files: number
  versions: number
  traces: number
}

interface Comparison {
  readonly pass: Pass
  readonly differences: Difference[]
  readonly counts: Counts
}

/** Compares both histories field by field, point by point, and files by their digests. Writes nothing. */
export async function verifyHistory(parts: HistoryParts, signal: AbortSignal): Promise<Verified> {
  const pass = openPass(parts, await chosenExperiments(parts, signal), signal)
  const counts = { runs: 0, points: 0, files: 0, versions: 0, traces: 0 }
  const comparison: Comparison = { pass, differences: [], counts }
  const total = await census(pass)
  for (const { name } of pass.experiments.values()) {
    await apart(pass, `experiment ${name}`, () => compareExperiment(comparison, name))
  }
  await learnModels(pass)
  parts.progress.phase('runs', total)
  const found = parts.from.tracking.runs([...pass.experiments.keys()], signal)
  const of = (run: TrackedRun) => takes(pass, run)
  const due = parts.runs.readAhead?.(parts.from.place, found, { of, signal }) ?? found
  await inParallel(RUNS_AT_ONCE, due, async (run) => {
    if (!takes(pass, run)) return
    await apart(pass, subjectOf(pass, run), () => compareRun(comparison, run))
    parts.progress.advance()
  })
  const tell = (subject: string, source: Json, target: Json) => differ(comparison, subject, source, target)
  counts.traces = await compareTraces(pass, tell)
  if (takesModels(parts.filter)) await compareModels(comparison)
  return { ...counts, differences: comparison.differences, troubles: pass.troubles }
}

async function compareExperiment(comparison: Comparison, name: string): Promise<void> {
  const { parts, signal } = comparison.pass
  const of = address('experiment', name)
  const [here, there] = await Promise.all([
    parts.experiments.read(parts.from.place, of, { signal }),
    parts.experiments.read(parts.to.place, of, { signal }),
  ])
  differ(comparison, `experiment ${name}`, here?.body ?? null, there?.body ?? null)
}

/** The names that logged models have at the target, by which the description of a model differs rightly. */
async function learnModels({ parts, identities, experiments, signal }: Pass): Promise<void> {
  const sources = await parts.from.models?.list([...experiments.keys()], signal)
  const names = new Set([...experiments.values()].map(({ name }) => name))
  const ids: string[] = []
  for await (const { id, name } of parts.to.tracking.experiments(signal)) if (names.has(name)) ids.push(id)
  const targets = await parts.to.models?.list(ids, signal)
  if (sources === undefined || targets === undefined || ids.length === 0) return
  const found = new Map<string, Parameters<typeof identities.learnModel>[1]>()
  for await (const model of targets) {
    found.set(model.tags.find(({ key }) => key === 'holdfast.source_model_id')?.value ?? model.id, model)
  }
  for await (const model of sources) {
    const target = found.get(model.id)
    if (target !== undefined) identities.learnModel(model, target)
  }
}

async function compareRun(comparison: Comparison, run: TrackedRun): Promise<void> {
  const { pass, counts } = comparison
  const { parts, signal, identities } = pass
  const subject = subjectOf(pass, run)
  const of = addressOf(pass, run)
  const here = await parts.runs.read(parts.from.place, of, { signal })
  const own = identities.run(run.info.run_id)
  const there = own === undefined ? undefined : await parts.runs.read(parts.to.place, of, { signal })
  counts.runs += 1
  if (own === undefined || there === undefined) {
    comparison.differences.push({ subject, field: 'run', source: run.info.run_id, target: null })
    return
  }
  const [{ metrics, ...body }, { metrics: replicaMetrics, ...replica }] = [here?.body ?? {}, there.body]
  differ(comparison, subject, sorted(body), sorted(replica))
  const differing: string[] = []
  for (const key of namesOf(run).metrics.keys()) {
    const [one, other] = [metrics, replicaMetrics].map((all) => (all as JsonObject | undefined)?.[key])
    if (one === undefined || !sameJson(one, other)) differing.push(key)
    counts.points += Number((one as JsonObject | undefined)?.['count'] ?? 0)
  }
  await comparePoints(pass, { run, own, keys: differing }, (key, source, target) => {
    comparison.differences.push({ subject, field: `metric ${key}`, source, target })
  })
  const [from, to] = [parts.from.census.byId(run.info.run_id), parts.to.census.byId(own)]
  if (from === undefined || to === undefined) return
  const whole = await withModels(pass, run)
  const twin = whole === run ? undefined : await parts.to.tracking.run(own, signal)
  const named = (one: TrackedRun | undefined, id: (own: string) => string): Json => {
    const { read, made } = one === undefined ? { read: [], made: [] } : linksOf(one)
    return [
      ...read.map(({ modelId }) => `reads ${id(modelId)}`),
      ...made.map(({ modelId, step }) => `makes ${id(modelId)} at ${step}`),
    ].toSorted()
  }
  const translated = (id: string) => identities.model(id) ?? id
  const models = { models: named(whole === run ? undefined : whole, translated) }
  differ(comparison, subject, models, { models: named(twin, (id) => id) })
  await compareFiles(comparison, subject, {
    from: { artifacts: parts.from.artifacts, root: from.root },
    to: { artifacts: parts.to.artifacts, root: to.root },
  })
}

async function compareFiles(
  comparison: Comparison,
  subject: string,
  { from, to }: { readonly from: Shelf; readonly to: Shelf },
): Promise<void> {
  const { signal, identities } = comparison.pass
  const sources = await listed(from, signal)
  const targets = new Set((await listed(to, signal)).map(({ path }) => path))
  for (const { path } of sources) {
    const wanted = await digestOf(from, path, { signal, rewritten: identities.rewritten })
    const found = targets.delete(path) ? await digestOf(to, path, { signal }) : null
    comparison.counts.files += 1
    if (wanted !== found) comparison.differences.push({ subject, field: `file ${path}`, source: wanted, target: found })
  }
  for (const path of targets) {
    comparison.differences.push({ subject, field: `file ${path}`, source: null, target: 'there' })
  }
}

async function compareModels(comparison: Comparison): Promise<void> {
  const { pass } = comparison
  const { from, to, filter } = pass.parts
  if (from.registry === undefined) return
  for await (const model of from.registry.models(pass.signal)) {
    if (filter.models.length > 0 && !filter.models.includes(model.name)) continue
    const subject = `registered model ${model.name}`
    await apart(pass, subject, async () => {
      const versions = ((await from.registry?.versions(model.name, pass.signal)) ?? []).map(withOwnSource)
      const there = await to.registry?.model(model.name, pass.signal)
      const replicas =
        there === undefined ? [] : ((await to.registry?.versions(model.name, pass.signal)) ?? []).map(withOwnSource)
      const numbers = new Map(replicas.map((one) => [one.version, tagUnder(one.tags, SOURCE_VERSION) ?? one.version]))
      const aliases = (pairs: readonly Pair[], number: (version: string) => string) =>
        Object.fromEntries(pairs.map(({ key, value }) => [key, number(value)]))
      const view = {
        description: model.description,
        tags: record(model.tags),
        // A server keeps an alias of a version that is gone; nobody can set it elsewhere.
        aliases: aliases(
          model.aliases.filter(({ value }) => versions.some(({ version }) => version === value)),
          (version) => version,
        ),
      }
      const theirs =
        there === undefined
          ? null
          : {
              description: there.description,
              tags: record(there.tags),
              aliases: aliases(there.aliases, (version) => numbers.get(version) ?? version),
            }
      differ(comparison, subject, view, theirs)
      for (const version of versions) {
        const replica = replicas.find((one) => numbers.get(one.version) === version.version)
        compareVersion(comparison, version, replica)
      }
    })
  }
}

function compareVersion(comparison: Comparison, version: ModelVersion, replica: ModelVersion | undefined): void {
  const { identities } = comparison.pass
  comparison.counts.versions += 1
  const wanted = {
    source: identities.rewritten(version.source),
    run: identities.run(version.runId) ?? version.runId,
    description: version.description,
    stage: version.stage,
    tags: record(version.tags),
  }
  const found =
    replica === undefined
      ? null
      : {
          source: replica.source,
          run: replica.runId,
          description: replica.description,
          stage: replica.stage,
          tags: record(replica.tags),
        }
  differ(comparison, `version ${version.version} of ${version.name}`, wanted, found)
}

/** Tells every field that differs, by its path. */
function differ({ differences }: Comparison, subject: string, source: Json, target: Json): void {
  for (const found of differing(source, target)) {
    differences.push({ subject, ...found, field: found.field === '' ? 'all' : found.field })
  }
}

function differing(source: Json, target: Json): Omit<Difference, 'subject'>[] {
  if (sameJson(source, target)) return []
  if (!isObject(source) || !isObject(target)) return [{ field: '', source, target }]
  const keys = [...new Set([...Object.keys(source), ...Object.keys(target)])]
  return keys.flatMap((key) =>
    differing(source[key] ?? null, target[key] ?? null).map(({ field, ...values }) => ({
      field: field === '' ? key : `${key}.${field}`,
      ...values,
    })),
  )
}

/** Datasets come in no order. */
function sorted(body: JsonObject): JsonObject {
  const { datasets } = body
  if (!Array.isArray(datasets)) return body
  return { ...body, datasets: (datasets as readonly Json[]).map((one) => canonical(one)).toSorted() }
}

function record(pairs: readonly Pair[]): JsonObject {
  return Object.fromEntries([...tagsOf(pairs).tags].filter(([key]) => !key.startsWith('holdfast.')))
}

function tagUnder(pairs: readonly Pair[], key: string): string | undefined {
  return pairs.find((one) => one.key === key)?.value
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
