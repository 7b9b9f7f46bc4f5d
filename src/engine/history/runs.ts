import { createHash } from 'node:crypto'
import { address } from '../../core/model.ts'
import { awakeRun } from '../../mlflow/awake.ts'
import { namesOf } from '../../mlflow/kept.ts'
import { linksOf, type ModelLink } from '../../mlflow/logged-models.ts'
import { isOpenRun, type TrackedRun } from '../../mlflow/tracking.ts'
import { copyFiles } from './files.ts'
import { inParallel } from './in-parallel.ts'
import { forgetPasses } from './last-pass.ts'
import { missingLinks, withModels } from './links.ts'
import { forgetReplica, noteKey } from './notes.ts'
import { underWay } from './once.ts'
import { isChosen } from './parts.ts'
import { apart, type Pass, persistently } from './pass.ts'
import { acquaint, noteOpen, noteReplica, recentRuns, wasOpen } from './recent.ts'

const RUNS_AT_ONCE = 8
const PARENT = 'mlflow.parentRunId'
const RUN_NAME = 'mlflow.runName'

/** A run that stands, but for what needs others: its parent, the logged models that it names. */
interface Pending {
  readonly run: TrackedRun
  readonly envelope: string
}

/** By their ids. */
type Waiting = Map<string, Pending>

/** Carries every run that changed, with its files. Returns those that need a second look when everything is there. */
export async function copyRuns(pass: Pass): Promise<readonly Pending[]> {
  const { parts, experiments, signal } = pass
  const pending: Waiting = new Map()
  const { since } = parts.filter
  const going = underWay<TrackedRun>(({ info }) => info.run_id)
  const chosen = going.once(
    since === undefined ? parts.from.tracking.runs([...experiments.keys()], signal) : recentRuns(pass, since),
  )
  const of = (run: TrackedRun) => takes(pass, run) && !isCarried(pass, run, envelopeOf(run))
  const due = parts.runs.readAhead?.(parts.from.place, chosen, { of, hold: true, signal }) ?? chosen
  await inParallel(RUNS_AT_ONCE, due, async (run) => {
    if (takes(pass, run)) {
      await apart(pass, subjectOf(pass, run), () => persistently(() => copyRun(pass, run, pending)))
      parts.progress.advance()
      parts.progress.beside?.(`${parts.to.census.points()} points, ${(pass.tally.bytes / 1e6).toFixed(1)} MB`)
    }
    going.end(run)
  })
  return [...pending.values()]
}

/** True if a run that is over was carried while it showed the same. */
function isCarried({ parts }: Pass, run: TrackedRun, envelope: string): boolean {
  return !isOpenRun(run) && parts.ledger.get(keyOf(run)) === envelope
}

async function copyRun(pass: Pass, run: TrackedRun, pending: Waiting): Promise<void> {
  const { parts, identities, signal, tally } = pass
  const { from, to, ledger } = parts
  const envelope = envelopeOf(run)
  const id = run.info.run_id
  await acquaint(pass, id)
  if (isCarried(pass, run, envelope) && identities.run(id) !== undefined) {
    tally.unchanged += 1
    return
  }
  const isNew = identities.run(id) === undefined
  if (isNew) forgetRun(pass, id)
  await converge(pass, run)
  noteReplica(pass, id)
  noteOpen(pass, run)
  if (isNew) noteMade(pass, id)
  const [here, there] = [from.census.byId(id), to.census.byShared(sharedOf(pass, run))]
  if (here !== undefined && there !== undefined) {
    const { files, bytes } = await copyFiles({
      from: { artifacts: from.artifacts, root: here.root },
      to: { artifacts: to.artifacts, root: there.root },
      isNew,
      key: noteKey('file', id),
      ledger,
      rewritten: identities.rewritten,
      signal,
    })
    tally.files += files
    tally.bytes += bytes
  }
  tally.runs += 1
  const parent = tagOf(run, PARENT)
  const whole = await withModels(pass, run)
  const links = linksOf(whole)
  if (links.read.length + links.made.length > 0 || parent !== undefined)
    pending.set(id, { run: pendingPartOf(whole), envelope })
  else ledger.put(keyOf(run), envelope)
}

/** Forgets what was noted of a run whose replica is gone, before there is another. */
function forgetRun({ parts: { ledger } }: Pass, id: string): void {
  forgetReplica(ledger, ['run', 'file', 'trace-links'], id)
  forgetPasses(ledger, id)
}

function noteMade({ identities, made }: Pass, run: string): void {
  const replica = identities.run(run)
  if (replica !== undefined) made.last = { run, replica }
}

/** What is still asked of a run that waits: there may be very many. */
function pendingPartOf(run: TrackedRun): TrackedRun {
  const tags = run.tags.filter(({ key }) => key === PARENT || key === RUN_NAME)
  return { ...run, params: [], latest: [], tags }
}

/** Parents and logged models, when all of them are there. One that is not is told, and costs the run nothing. */
export async function completeRuns(pass: Pass, pending: readonly Pending[]): Promise<void> {
  await inParallel(RUNS_AT_ONCE, pending, async ({ run, envelope }) => {
    await apart(pass, subjectOf(pass, run), async () => {
      const isWhole = [await withParent(pass, run), await withLinks(pass, run)].every(Boolean)
      if (isWhole) pass.parts.ledger.put(keyOf(run), envelope)
    })
  })
}

async function withParent(pass: Pass, run: TrackedRun): Promise<boolean> {
  const parent = tagOf(run, PARENT)
  if (parent === undefined) return true
  await acquaint(pass, parent)
  if (pass.identities.run(parent) !== undefined) {
    await persistently(() => converge(pass, run))
    return true
  }
  pass.remarks.push({
    subject: subjectOf(pass, run),
    remark: `its parent ${parent} is not at the target; the tag says it as the source does`,
  })
  return false
}

async function withLinks(pass: Pass, run: TrackedRun): Promise<boolean> {
  const { parts, identities, signal } = pass
  const links = linksOf(run)
  if (links.read.length + links.made.length === 0) return true
  const own = identities.run(run.info.run_id)
  const standing = own === undefined ? undefined : await parts.to.tracking.run(own, signal)
  if (standing === undefined) return false
  const translated = { read: translate(pass, links.read), made: translate(pass, links.made) }
  const isWhole = translated.read.length + translated.made.length === links.read.length + links.made.length
  const lack = missingLinks(translated, linksOf(standing))
  if (lack.read.length + lack.made.length > 0) {
    const { run_id: id } = standing.info
    await awakeRun(parts.to.tracking, id, signal, async () => parts.to.models?.link(id, lack, signal))
  }
  if (!isWhole) {
    pass.troubles.push({
      subject: subjectOf(pass, run),
      code: 'sync/loss',
      message: 'it names logged models that the target does not have',
    })
  }
  return isWhole
}

function translate({ identities }: Pass, links: readonly ModelLink[]): readonly ModelLink[] {
  return links.flatMap(({ modelId, step }) => {
    const id = identities.model(modelId)
    return id === undefined ? [] : [{ modelId: id, step }]
  })
}

async function converge(pass: Pass, run: TrackedRun): Promise<void> {
  const { from, to, runs } = pass.parts
  const { signal } = pass
  const wanted = await runs.read(from.place, addressOf(pass, run), { signal, as: 'source' })
  if (wanted === undefined) return
  const subject = subjectOf(pass, run)
  const remark = (text: string, isLost: boolean) => {
    if (isLost) pass.troubles.push({ subject, code: 'sync/loss', message: text })
    else pass.remarks.push({ subject, remark: text })
  }
  await runs.converge(to.place, wanted, { source: from.place, signal, as: 'target', remark })
}

export function addressOf(pass: Pass, run: TrackedRun) {
  return address('run', experimentOf(pass, run), sharedOf(pass, run))
}

function sharedOf({ parts }: Pass, { info }: TrackedRun): string {
  return parts.from.census.byId(info.run_id)?.sharedId ?? info.run_id
}

function experimentOf({ experiments }: Pass, { info }: TrackedRun): string {
  return experiments.get(info.experiment_id)?.name ?? info.experiment_id
}

export function subjectOf(pass: Pass, run: TrackedRun): string {
  return `run ${run.info.run_id} (${experimentOf(pass, run)}/${tagOf(run, RUN_NAME) ?? ''})`
}

/** True for a run that the filter takes. */
export function takes(pass: Pass, run: TrackedRun): boolean {
  const { parts } = pass
  const { since } = parts.filter
  if (!isChosen(parts.filter, run.info.run_id)) return false
  if (since === undefined || isOpenRun(run)) return true
  // A run that began before and ended since has changed since; one that was open has, whatever it says of its end.
  const last = Math.max(Number(run.info['start_time'] ?? 0), Number(run.info['end_time'] ?? 0))
  return last >= since || wasOpen(pass, run)
}

function keyOf(run: TrackedRun): string {
  return noteKey('run', run.info.run_id)
}

function tagOf(run: TrackedRun, key: string): string | undefined {
  return namesOf(run).tags.get(key)
}

/** Digest of all that a search shows of a run: while a closed run shows the same, it is the same. */
export function envelopeOf({ info, params, tags, latest, inputs, outputs }: TrackedRun): string {
  return createHash('sha256')
    .update(JSON.stringify([info, params, tags, latest, inputs, outputs ?? null]))
    .digest('hex')
}
