import { createHash } from 'node:crypto'
import { address, type JsonObject } from '../../core/model.ts'
import { namesOf } from '../../mlflow/kept.ts'
import { linksOf } from '../../mlflow/logged-models.ts'
import { isOpenRun, type TrackedRun } from '../../mlflow/tracking.ts'
import { copyFiles } from './files.ts'
import { inParallel } from './in-parallel.ts'
import { forgetPasses } from './last-pass.ts'
import { withModels } from './links.ts'
import { forgetReplica, noteKey } from './notes.ts'
import { underWay } from './once.ts'
import { isChosen, type Trouble } from './parts.ts'
import { apart, type Pass, persistently } from './pass.ts'
import { acquaint, noteOpen, noteReplica, recentRuns, wasOpen } from './recent.ts'

export const RUNS_AT_ONCE = 8
export const PARENT = 'mlflow.parentRunId'
const ROOT = 'mlflow.rootRunId'
const RUN_NAME = 'mlflow.runName'

/** A run that stands, but for what needs others: its parent, the logged models that it names. */
export interface Pending {
  readonly run: TrackedRun
  /** What is noted of it when it is whole; `undefined` where it cannot be. */
  readonly envelope: string | undefined
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
  const { ledger } = parts
  const envelope = envelopeOf(run)
  const id = run.info.run_id
  await acquaint(pass, id)
  if (isCarried(pass, run, envelope) && identities.run(id) !== undefined) {
    tally.unchanged += 1
    tellLostAgain(pass, run)
    return
  }
  const isNew = identities.run(id) === undefined
  if (isNew) forgetRun(pass, id)
  const leans = await leansOnLater(pass, run)
  const lost = await converge(pass, run)
  tellLost(pass, run, lost)
  noteLost(pass, run, lost)
  noteReplica(pass, id)
  noteOpen(pass, run)
  if (isNew) noteMade(pass, id)
  const failures: unknown[] = []
  await copyItsFiles(pass, run, isNew).catch((thrown: unknown) => void failures.push(thrown))
  signal.throwIfAborted()
  // Its files may be out of reach for good: that must not cost it its parent and its models.
  const whole = await withModels(pass, run)
  const links = linksOf(whole)
  const noted = failures.length === 0 ? envelope : undefined
  const waits = links.read.length + links.made.length > 0 || leans
  if (waits) pending.set(id, { run: pendingPartOf(whole, leans), envelope: noted })
  if (failures.length > 0) throw failures[0]
  tally.runs += 1
  if (!waits) ledger.put(keyOf(run), envelope)
}

async function copyItsFiles(pass: Pass, run: TrackedRun, isNew: boolean): Promise<void> {
  const { parts, identities, signal, tally } = pass
  const { from, to, ledger } = parts
  const { run_id: id } = run.info
  const [here, there] = [from.census.byId(id), to.census.byShared(sharedOf(pass, run))]
  if (here === undefined || there === undefined) return
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

/** Forgets what was noted of a run whose replica is gone, before there is another. */
function forgetRun({ parts: { ledger } }: Pass, id: string): void {
  forgetReplica(ledger, ['run', 'lost', 'file', 'trace-links'], id)
  forgetPasses(ledger, id)
}

function noteMade({ identities, made }: Pass, run: string): void {
  const replica = identities.run(run)
  if (replica !== undefined) made.last = { run, replica }
}

/**
 * True for a run of which a run above it is not there yet: with all that are, it is linked at once, by the ids that they
 * have there.
 */
async function leansOnLater(pass: Pass, run: TrackedRun): Promise<boolean> {
  const parent = tagOf(run, PARENT)
  if (parent === undefined) return false
  for (const above of [parent, tagOf(run, ROOT) ?? parent]) {
    await acquaint(pass, above)
    if (pass.identities.run(above) === undefined) return true
  }
  return false
}

/** What is still asked of a run that waits: there may be very many, and what they say of datasets is long. */
function pendingPartOf(run: TrackedRun, leans: boolean): TrackedRun {
  const { run_id, experiment_id, status } = run.info
  const { model_inputs = [] } = (run.inputs ?? {}) as JsonObject
  const tags = [RUN_NAME, ...(leans ? [PARENT] : [])].flatMap((key) => {
    const value = tagOf(run, key)
    return value === undefined ? [] : [{ key, value }]
  })
  const said = { params: [], tags, latest: [], inputs: { model_inputs } }
  return {
    info: { run_id, experiment_id, status },
    ...said,
    ...(run.outputs === undefined ? {} : { outputs: run.outputs }),
  }
}

/** Makes the replica be what the run is. Returns in words what the target takes in no form. */
export async function converge(pass: Pass, run: TrackedRun): Promise<readonly string[]> {
  const { from, to, runs } = pass.parts
  const { signal } = pass
  const wanted = await runs.read(from.place, addressOf(pass, run), { signal, as: 'source' })
  if (wanted === undefined) return []
  const subject = subjectOf(pass, run)
  const lost: string[] = []
  const remark = (text: string, isLost: boolean) => {
    if (isLost) lost.push(text)
    else pass.remarks.push({ subject, remark: text })
  }
  await runs.converge(to.place, wanted, { source: from.place, signal, as: 'target', remark })
  return lost
}

/** Tells each once, though a run is tried again. */
function tellLost(pass: Pass, run: TrackedRun, lost: readonly string[]): readonly Trouble[] {
  const subject = subjectOf(pass, run)
  const before = pass.lost.get(subject) ?? new Set()
  const news = lost.filter((message) => !before.has(message))
  if (news.length === 0) return []
  pass.lost.set(subject, before.union(new Set(news)))
  const told = news.map((message): Trouble => ({ subject, code: 'sync/loss', message }))
  pass.troubles.push(...told)
  return told
}

/** Notes what was lost of a run, so that a pass that finds it unchanged says so too. */
function noteLost({ parts: { ledger } }: Pass, { info }: TrackedRun, lost: readonly string[]): void {
  const key = noteKey('lost', info.run_id)
  if (lost.length > 0) ledger.put(key, JSON.stringify(lost))
  else if (ledger.get(key) !== undefined) ledger.forget(key)
}

function tellLostAgain(pass: Pass, run: TrackedRun): void {
  const noted = pass.parts.ledger.get(noteKey('lost', run.info.run_id))
  if (noted === undefined) return
  for (const one of tellLost(pass, run, JSON.parse(noted) as readonly string[])) pass.toldAgain.add(one)
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

export function keyOf(run: TrackedRun): string {
  return noteKey('run', run.info.run_id)
}

export function tagOf(run: TrackedRun, key: string): string | undefined {
  return namesOf(run).tags.get(key)
}

/** Digest of all that a search shows of a run: while a closed run shows the same, it is the same. */
export function envelopeOf({ info, params, tags, latest, inputs, outputs }: TrackedRun): string {
  return createHash('sha256')
    .update(JSON.stringify([info, params, tags, latest, inputs, outputs ?? null]))
    .digest('hex')
}
