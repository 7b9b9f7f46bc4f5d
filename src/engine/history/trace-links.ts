import { isOpenRun, type TrackedRun } from '../../mlflow/tracking.ts'
import type { Tell } from './differences.ts'
import { inParallel } from './in-parallel.ts'
import { noteKey } from './notes.ts'
import { apart, type Pass, persistently } from './pass.ts'
import { recentRuns } from './recent.ts'
import { envelopeOf, subjectOf, takes } from './runs.ts'
import { targetIds } from './traces.ts'

const AT_ONCE = 8

/**
 * Links traces to the runs that name them beside their own, after both stand. Each run of an experiment that has traces
 * is asked for; one that is over once, for nothing but its links tells of them.
 *
 * @param traced ids of the source's experiments that have traces
 */
export async function copyTraceLinks(pass: Pass, traced: ReadonlySet<string>): Promise<void> {
  if (traced.size === 0) return
  const { parts, signal } = pass
  const { since } = parts.filter
  const targets = await targetsOf(pass, traced)
  const lost = new Map<string, number>()
  const runs = since === undefined ? parts.from.tracking.runs([...traced], signal) : recentRuns(pass, since)
  await inParallel(AT_ONCE, runs, async (run) => {
    if (!takes(pass, run) || !traced.has(run.info.experiment_id) || isKnown(pass, run)) return
    await apart(pass, subjectOf(pass, run), () =>
      persistently(async () => {
        const left = await copyLinks(pass, { run, traced, targets })
        const { experiment_id: experiment } = run.info
        if (left > 0) lost.set(experiment, (lost.get(experiment) ?? 0) + left)
        else if (!isOpenRun(run)) note(pass, run)
      }),
    )
  })
  for (const [experiment, count] of lost) {
    const message = `${count} links of traces to its runs are not carried: ${parts.to.name} takes none`
    const name = pass.experiments.get(experiment)?.name ?? experiment
    pass.troubles.push({ subject: `experiment ${name}`, code: 'sync/loss', message })
  }
}

interface Linking {
  readonly run: TrackedRun
  readonly traced: ReadonlySet<string>
  /** Ids of the same experiments at the target. */
  readonly targets: readonly string[]
}

/** Returns how many could not be carried. */
async function copyLinks(pass: Pass, linking: Linking): Promise<number> {
  const { parts, identities, signal } = pass
  const own = identities.run(linking.run.info.run_id)
  const missing = own === undefined ? [] : await missingLinks(pass, linking)
  if (own === undefined || missing.length === 0) return 0
  return (await parts.to.traces?.link(own, missing, signal)) === true ? 0 : missing.length
}

/** Traces that are linked to a run at the source, and not to its replica. */
async function missingLinks(pass: Pass, { run, traced, targets }: Linking): Promise<readonly string[]> {
  const { parts, identities, signal } = pass
  const wanted = (await parts.from.traces?.linked(run.info.run_id, [...traced], signal)) ?? []
  if (wanted.length === 0) return []
  const own = identities.run(run.info.run_id)
  const standing = own === undefined ? [] : await parts.to.traces?.linked(own, targets, signal)
  const there = new Set(standing?.map(({ id }) => id))
  return wanted.flatMap(({ id }) => (there.has(id) ? [] : [id])).toSorted()
}

/** Tells the links of traces to runs that the target does not have. */
export async function compareTraceLinks(pass: Pass, traced: ReadonlySet<string>, tell: Tell): Promise<void> {
  if (traced.size === 0) return
  const targets = await targetsOf(pass, traced)
  await inParallel(AT_ONCE, pass.parts.from.tracking.runs([...traced], pass.signal), async (run) => {
    if (!takes(pass, run)) return
    const subject = subjectOf(pass, run)
    await apart(pass, subject, async () => {
      for (const id of await missingLinks(pass, { run, traced, targets })) {
        tell(subject, { 'linked trace': id }, { 'linked trace': null })
      }
    })
  })
}

async function targetsOf(pass: Pass, traced: ReadonlySet<string>): Promise<readonly string[]> {
  const targets = await targetIds(pass)
  return [...traced].flatMap((id) => targets.get(pass.experiments.get(id)?.name ?? '') ?? [])
}

function isKnown(pass: Pass, run: TrackedRun): boolean {
  const linked = linkedAs(pass, run)
  return !isOpenRun(run) && linked !== undefined && pass.parts.ledger.get(keyOf(run)) === linked
}

function note(pass: Pass, run: TrackedRun): void {
  const linked = linkedAs(pass, run)
  if (linked !== undefined) pass.parts.ledger.put(keyOf(run), linked)
}

/** What the run shows, and which replica has its links: another one has none yet. `undefined` where there is none. */
function linkedAs({ identities }: Pass, run: TrackedRun): string | undefined {
  const own = identities.run(run.info.run_id)
  return own === undefined ? undefined : `${own} ${envelopeOf(run)}`
}

function keyOf(run: TrackedRun): string {
  return noteKey('trace-links', run.info.run_id)
}
