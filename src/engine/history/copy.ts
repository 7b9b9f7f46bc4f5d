import { address } from '../../core/model.ts'
import type { TrackedExperiment } from '../../mlflow/tracking.ts'
import { nameAbsent } from './asked.ts'
import { completeRuns } from './completing.ts'
import { copyEvaluations } from './evaluations.ts'
import { inParallel } from './in-parallel.ts'
import { noteEnd } from './last-pass.ts'
import { copyLoggedModels } from './logged.ts'
import { type HistoryParts, isChosen, type Remark, type Trouble } from './parts.ts'
import { apart, asPart, openPass, type Pass, persistently, type Tally } from './pass.ts'
import { readableOf } from './readable.ts'
import { forgetOver } from './recent.ts'
import { copyRegistered } from './registered.ts'
import { followRenames, noteExperiments } from './renamed.ts'
import { copyRuns, takes } from './runs.ts'
import { rememberShaken, settleStates } from './states.ts'
import { copyTraceLinks } from './trace-links.ts'
import { copyTraces } from './traces.ts'

const EXPERIMENTS_AT_ONCE = 8

/** What a copy came to. */
export interface Carried {
  /** Also how many points were written. */
  readonly tally: Readonly<Tally> & { readonly points: number }
  readonly counts: readonly Count[]
  readonly troubles: readonly Trouble[]
  readonly remarks: readonly Remark[]
}

/** Runs of one experiment of the source that the filter takes, and how many of them the target has. */
export interface Count {
  readonly experiment: string
  readonly source: number
  readonly target: number
}

/** Makes the history of one place be in the other too. Called again it goes on where it was, and writes nothing twice. */
export async function copyHistory(parts: HistoryParts, signal: AbortSignal): Promise<Carried> {
  const began = Date.now()
  const pass = await beginPass(parts, signal)
  const { progress, filter } = parts
  rememberShaken(pass)
  await followRenames(pass)
  progress.phase('experiments', pass.experiments.size)
  await inParallel(EXPERIMENTS_AT_ONCE, pass.experiments.values(), async ({ name }) => {
    await apart(pass, `experiment ${name}`, () => persistently(() => copyExperiment(pass, name)))
    progress.advance()
  })
  const targets = await targetsOf(pass)
  await noteExperiments(pass, targets)
  for (const { id } of targets) pass.targets.push(id)
  if (filter.since === undefined) progress.phase('runs', await census(pass))
  else progress.phase('runs')
  const pending = await copyRuns(pass)
  progress.phase('logged models')
  await asPart(pass, 'logged models', () => copyLoggedModels(pass))
  await completeRuns(pass, pending)
  progress.phase('traces')
  await asPart(pass, 'traces', async () => {
    await copyTraceLinks(pass, await copyTraces(pass))
    forgetOver(pass)
  })
  progress.phase('evaluation datasets')
  await asPart(pass, 'evaluation datasets', () => copyEvaluations(pass))
  if (takesModels(filter)) {
    progress.phase('registered models')
    await asPart(pass, 'registered models', () => copyRegistered(pass))
  }
  await settleStates(pass)
  // Where only what is recent was looked at, nobody knows how many there are.
  const counts = filter.since === undefined ? await reconcile(pass) : []
  noteEnd(pass, began)
  const tally = { ...pass.tally, points: parts.to.census.points() }
  return { tally, counts, troubles: pass.troubles, remarks: pass.remarks }
}

/** Runs or experiments that are named without models mean no models. */
export function takesModels({ experiments, runs, models }: HistoryParts['filter']): boolean {
  return models.length > 0 || (experiments.length === 0 && runs === undefined)
}

/** A pass over the chosen experiments that may be read, with the others and what is not there named already. */
export async function beginPass(parts: HistoryParts, signal: AbortSignal): Promise<Pass> {
  const chosen = await chosenExperiments(parts, signal)
  const { readable, forbidden } = await readableOf(parts, chosen, signal)
  const pass = openPass(parts, readable, signal)
  pass.troubles.push(...forbidden)
  await nameAbsent(pass, chosen)
  return pass
}

export async function chosenExperiments(
  { from, filter }: Pick<HistoryParts, 'from' | 'filter'>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, TrackedExperiment>> {
  const found = new Map<string, TrackedExperiment>()
  for await (const one of from.tracking.experiments(signal)) {
    if (filter.experiments.length === 0 || filter.experiments.includes(one.name)) found.set(one.id, one)
  }
  return found
}

async function copyExperiment({ parts, signal }: Pass, name: string): Promise<void> {
  const { from, to, experiments } = parts
  const of = address('experiment', name)
  const wanted = await experiments.read(from.place, of, { signal, as: 'source' })
  const there = await experiments.read(to.place, of, { signal, as: 'target' })
  if (wanted === undefined || wanted.digest === there?.digest) return
  await experiments.converge(to.place, wanted, { source: from.place, signal, as: 'target' })
}

/** Learns who is where, at a cost of one search a thousand runs. Returns how many runs the filter takes. */
export async function census(pass: Pass): Promise<number> {
  const { parts, experiments, signal } = pass
  await learnTarget(pass)
  let total = 0
  for await (const run of parts.from.tracking.runs([...experiments.keys()], signal)) if (takes(pass, run)) total += 1
  return total
}

/** Learns which runs the target has of the experiments of a pass, also of those that had other names. */
export async function learnTarget({ parts, experiments, signal }: Pass): Promise<void> {
  const names = new Set([...experiments.values()].map(({ name }) => name))
  const [targets, others]: [string[], string[]] = [[], []]
  for await (const { id, name } of parts.to.tracking.experiments(signal)) (names.has(name) ? targets : others).push(id)
  for await (const _ of parts.to.tracking.runs(targets, signal));
  // An experiment may have had another name when its runs were carried.
  for await (const _ of parts.to.replicas(others, signal));
}

/** The same experiments at the target. */
async function targetsOf({ parts, experiments, signal }: Pass): Promise<readonly TrackedExperiment[]> {
  const names = new Set([...experiments.values()].map(({ name }) => name))
  const found: TrackedExperiment[] = []
  for await (const one of parts.to.tracking.experiments(signal)) if (names.has(one.name)) found.push(one)
  return found
}

/** Counts the runs of the source and their replicas, and says as a loss what is not there, or not in its experiment. */
async function reconcile(pass: Pass): Promise<readonly Count[]> {
  const { parts, experiments, troubles } = pass
  const targets = new Map((await targetsOf(pass)).map(({ id, name }) => [name, id]))
  const found = new Map([...experiments.keys()].map((id) => [id, { source: 0, target: 0, elsewhere: 0 }]))
  for (const { id, sharedId, experimentId } of parts.from.census.all()) {
    const count = isChosen(parts.filter, id) ? found.get(experimentId) : undefined
    if (count === undefined) continue
    const there = parts.to.census.byShared(sharedId)
    count.source += 1
    if (there === undefined) continue
    const isHere = there.experimentId === targets.get(experiments.get(experimentId)?.name ?? '')
    count[isHere ? 'target' : 'elsewhere'] += 1
  }
  return [...found].map(([id, { source, target, elsewhere }]) => {
    const experiment = experiments.get(id)?.name ?? id
    if (target < source) {
      const more = elsewhere === 0 ? '' : `, ${elsewhere} in another experiment there`
      const message = `${source} runs at the source, ${target} of them at the target${more}`
      troubles.push({ subject: `experiment ${experiment}`, code: 'sync/loss', message })
    }
    return { experiment, source, target }
  })
}
