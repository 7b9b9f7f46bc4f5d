import type { JsonObject } from '../../../core/model.ts'
import type { LoggedModel } from '../../../mlflow/logged-models.ts'
import type { Pair } from '../../../mlflow/tracking.ts'
import type { Tell } from '../differences.ts'
import { inParallel } from '../in-parallel.ts'
import { carriedTags, createdOf, isTaken, pointName } from '../logged.ts'
import { apart, type Pass } from '../pass.ts'
import { compareFiles } from './files.ts'
import { namedPoints } from './points.ts'

const AT_ONCE = 4

/**
 * Compares every logged model of the source with its replica, which {@link Pass.identities} must know: what it says of
 * itself, the points about it, and its files. Returns how many models and files there are.
 */
export async function compareLoggedModels(
  pass: Pass,
  tell: Tell,
): Promise<{ readonly models: number; readonly files: number }> {
  const { parts, experiments, identities, signal } = pass
  const counts = { models: 0, files: 0 }
  const sources = experiments.size === 0 ? undefined : await parts.from.models?.list([...experiments.keys()], signal)
  if (sources === undefined) return counts
  const isAll = parts.filter.runs === undefined && parts.filter.since === undefined
  await inParallel(AT_ONCE, sources, async (model) => {
    const own = identities.model(model.id)
    if (!isAll && !isTaken(pass, model, own !== undefined)) return
    const subject = `logged model ${model.id} (${model.name})`
    counts.models += 1
    await apart(pass, subject, async () => {
      const there = own === undefined ? undefined : await parts.to.models?.model(own, signal)
      if (there === undefined) tell(subject, { 'logged model': model.id }, { 'logged model': null })
      else counts.files += await compareModel(pass, { model, there, subject }, tell)
    })
    parts.progress.advance()
  })
  return counts
}

interface Twins {
  readonly model: LoggedModel
  readonly there: LoggedModel
  readonly subject: string
}

async function compareModel(pass: Pass, { model, there, subject }: Twins, tell: Tell): Promise<number> {
  const { parts, experiments, identities } = pass
  const experiment = parts.to.tracking.experiment(there.experimentId, pass.signal)
  const run = identities.run(model.runId) ?? model.runId
  tell(
    subject,
    view(model, { experiment: experiments.get(model.experimentId)?.name ?? '', run }),
    view(there, { experiment: (await experiment)?.name ?? '', run: there.runId }),
  )
  comparePoints(pass, { model, there, subject }, tell)
  return compareFiles(
    pass,
    subject,
    {
      from: { artifacts: parts.from.artifacts, root: model.location },
      to: { artifacts: parts.to.artifacts, root: there.location },
    },
    tell,
  )
}

function view(
  model: LoggedModel,
  { experiment, run }: { readonly experiment: string; readonly run: string },
): JsonObject {
  const { name, type, status, params } = model
  const created = createdOf(model)
  return { experiment, name, type, status, run, created, params: record(params), tags: record(carriedTags(model)) }
}

/** Points about a model name their run; those of runs that are left out here are left out too. */
function comparePoints({ parts, identities }: Pass, { model, there, subject }: Twins, tell: Tell): void {
  const isChosen = ({ runId }: { readonly runId: string }) =>
    parts.filter.runs === undefined || identities.run(runId) !== undefined
  const points = model.metrics.filter(isChosen)
  const wanted = new Map(points.map((point) => [pointName(point, identities.run(point.runId) ?? point.runId), point]))
  const found = new Map(there.metrics.map((point) => [pointName(point, point.runId), point]))
  const [missing, extra] = [namedPoints(), namedPoints()]
  for (const [name, point] of wanted) if (!found.has(name)) missing.add(point)
  if (points.length === model.metrics.length) {
    for (const [name, point] of found) if (!wanted.has(name)) extra.add(point)
  }
  for (const source of missing.all()) tell(subject, { points: source }, { points: null })
  for (const target of extra.all()) tell(subject, { points: null }, { points: target })
}

function record(pairs: readonly Pair[]): JsonObject {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, value]))
}
