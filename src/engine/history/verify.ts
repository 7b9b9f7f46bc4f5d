import { canonical, sameJson } from '../../core/canonical.ts'
import { address, type Json, type JsonObject } from '../../core/model.ts'
import { namesOf } from '../../mlflow/kept.ts'
import { linksOf } from '../../mlflow/logged-models.ts'
import type { TrackedRun } from '../../mlflow/tracking.ts'
import { compareFiles } from './comparing/files.ts'
import { compareLoggedModels } from './comparing/logged.ts'
import { comparePoints } from './comparing/points.ts'
import { compareRegistered } from './comparing/registered.ts'
import { compareTraces } from './comparing/traces.ts'
import { beginPass, census, takesModels } from './copy.ts'
import { type Difference, type Tell, telling } from './differences.ts'
import { compareEvaluations } from './evaluations.ts'
import { inParallel } from './in-parallel.ts'
import { withModels } from './links.ts'
import { sharedModelId, standingModels } from './logged.ts'
import type { HistoryParts, Trouble } from './parts.ts'
import { apart, asPart, type Pass } from './pass.ts'
import { addressOf, subjectOf, takes } from './runs.ts'

export interface Verified extends Readonly<Counts> {
  readonly differences: readonly Difference[]
  /** What could not be compared. */
  readonly troubles: readonly Trouble[]
}

const RUNS_AT_ONCE = 8

interface Counts {
  runs: number
  points: number
  files: number
  loggedModels: number
  versions: number
  traces: number
  evaluationDatasets: number
}

interface Comparison {
  readonly pass: Pass
  readonly tell: Tell
  readonly counts: Counts
}

/**
 * Compares both histories field by field, point by point, and files by their digests. Writes nothing. What only the
 * target has is no difference, but for what belongs to something that the source has too: a file of a run, a tag.
 */
export async function verifyHistory(parts: HistoryParts, signal: AbortSignal): Promise<Verified> {
  const pass = await beginPass(parts, signal)
  const counts = { runs: 0, points: 0, files: 0, loggedModels: 0, versions: 0, traces: 0, evaluationDatasets: 0 }
  const differences: Difference[] = []
  const comparison: Comparison = { pass, tell: telling(differences), counts }
  const total = await census(pass)
  for (const { name } of pass.experiments.values()) {
    await apart(pass, `experiment ${name}`, () => compareExperiment(comparison, name))
  }
  await asPart(pass, 'logged models', () => learnModels(pass))
  parts.progress.phase('runs', total)
  const found = parts.from.tracking.runs([...pass.experiments.keys()], signal)
  const of = (run: TrackedRun) => takes(pass, run)
  const due = parts.runs.readAhead?.(parts.from.place, found, { of, signal }) ?? found
  await inParallel(RUNS_AT_ONCE, due, async (run) => {
    if (!takes(pass, run)) return
    await apart(pass, subjectOf(pass, run), () => compareRun(comparison, run))
    parts.progress.advance()
  })
  await compareOthers(comparison)
  return { ...counts, differences, troubles: pass.troubles }
}

async function compareOthers({ pass, tell, counts }: Comparison): Promise<void> {
  const { progress, filter } = pass.parts
  progress.phase('logged models')
  await asPart(pass, 'logged models', async () => {
    const logged = await compareLoggedModels(pass, tell)
    counts.loggedModels = logged.models
    counts.files += logged.files
  })
  progress.phase('traces')
  await asPart(pass, 'traces', async () => {
    counts.traces = await compareTraces(pass, tell)
  })
  await asPart(pass, 'evaluation datasets', async () => {
    counts.evaluationDatasets = await compareEvaluations(pass, tell)
  })
  if (!takesModels(filter)) return
  progress.phase('registered models')
  await asPart(pass, 'registered models', async () => {
    counts.versions = await compareRegistered(pass, tell)
  })
}

async function compareExperiment({ pass, tell }: Comparison, name: string): Promise<void> {
  const { parts, signal } = pass
  const of = address('experiment', name)
  const [here, there] = await Promise.all([
    parts.experiments.read(parts.from.place, of, { signal }),
    parts.experiments.read(parts.to.place, of, { signal }),
  ])
  tell(`experiment ${name}`, here?.body ?? null, there?.body ?? null)
}

/** The names that logged models have at the target, by which the description of a model differs rightly. */
async function learnModels(pass: Pass): Promise<void> {
  const { parts, identities, experiments, signal } = pass
  const sources = experiments.size === 0 ? undefined : await parts.from.models?.list([...experiments.keys()], signal)
  if (sources === undefined) return
  const targets = await standingModels(pass)
  for await (const model of sources) {
    const target = targets?.get(sharedModelId(model))
    if (target !== undefined) identities.learnModel(model, target)
  }
}

async function compareRun(comparison: Comparison, run: TrackedRun): Promise<void> {
  const { pass, tell, counts } = comparison
  const { parts, signal, identities } = pass
  const subject = subjectOf(pass, run)
  const of = addressOf(pass, run)
  const here = await parts.runs.read(parts.from.place, of, { signal })
  const own = identities.run(run.info.run_id)
  const there = own === undefined ? undefined : await parts.runs.read(parts.to.place, of, { signal })
  counts.runs += 1
  if (own === undefined || there === undefined) {
    tell(subject, { run: run.info.run_id }, { run: null })
    return
  }
  const [{ metrics, ...body }, { metrics: replicaMetrics, ...replica }] = [here?.body ?? {}, there.body]
  tell(subject, sorted(body), sorted(replica))
  const differing: string[] = []
  for (const key of namesOf(run).metrics.keys()) {
    const [one, other] = [metrics, replicaMetrics].map((all) => (all as JsonObject | undefined)?.[key])
    if (one === undefined || !sameJson(one, other)) differing.push(key)
    counts.points += Number((one as JsonObject | undefined)?.['count'] ?? 0)
  }
  await comparePoints(pass, { run, own, keys: differing }, (key, source, target) => {
    tell(subject, { [`metric ${key}`]: source }, { [`metric ${key}`]: target })
  })
  await compareLinks(pass, { run, own, subject }, tell)
  const [from, to] = [parts.from.census.byId(run.info.run_id), parts.to.census.byId(own)]
  if (from === undefined || to === undefined) return
  const shelves = {
    from: { artifacts: parts.from.artifacts, root: from.root },
    to: { artifacts: parts.to.artifacts, root: to.root },
  }
  counts.files += await compareFiles(pass, subject, shelves, tell)
}

/** Compares the logged models that a run says it read and made. */
async function compareLinks(
  pass: Pass,
  { run, own, subject }: { readonly run: TrackedRun; readonly own: string; readonly subject: string },
  tell: Tell,
): Promise<void> {
  const { parts, signal, identities } = pass
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
  tell(subject, models, { models: named(twin, (id) => id) })
}

/** Datasets come in no order. */
function sorted(body: JsonObject): JsonObject {
  const { datasets } = body
  if (!Array.isArray(datasets)) return body
  return { ...body, datasets: (datasets as readonly Json[]).map((one) => canonical(one)).toSorted() }
}
