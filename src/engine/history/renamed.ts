import { Fault } from '../../core/errors.ts'
import { awake } from '../../mlflow/awake.ts'
import type { TrackedExperiment, Tracking } from '../../mlflow/tracking.ts'
import { noteKey } from './notes.ts'
import { apart, type Pass } from './pass.ts'

const NOTED = noteKey('experiment', '')

/** A replica that has another name than its experiment has by now. */
interface Move {
  readonly there: TrackedExperiment
  readonly name: string
}

/**
 * Gives replicas of experiments the names that these have by now, so that their runs are found where they are looked
 * for. Which is whose replica is told by the notes of earlier copies alone: without them, a renamed experiment is another.
 */
export async function followRenames(pass: Pass): Promise<void> {
  const moves = await movesOf(pass)
  if (moves.length === 0) return
  const taken = new Map<string, string>()
  for await (const { id, name } of pass.parts.to.tracking.experiments(pass.signal)) taken.set(name, id)
  const moving = new Set(moves.map(({ there }) => there.id))
  for (const { there, name } of moves) {
    await apart(pass, `experiment ${name}`, async () => {
      const holder = taken.get(name)
      if (holder !== undefined && !moving.has(holder)) throw isTaken(there.name, name)
      // Two that changed names with each other: the one in the way gets its own in its turn.
      if (holder !== undefined && holder !== there.id)
        await rename(pass, taken, { id: holder, name: asideName(holder) })
      await rename(pass, taken, { id: there.id, name })
    })
  }
}

async function movesOf({ parts, experiments, signal }: Pass): Promise<readonly Move[]> {
  const { to, ledger } = parts
  if (to.tracking.renameExperiment === undefined) return []
  const moves: Move[] = []
  for (const { id, name } of experiments.values()) {
    const there = await notedReplica(to.tracking, ledger.get(NOTED + id), signal)
    if (there !== undefined && there.name !== name) moves.push({ there, name })
  }
  return moves
}

async function rename(
  { parts, signal }: Pass,
  taken: Map<string, string>,
  { id, name }: { readonly id: string; readonly name: string },
): Promise<void> {
  const { tracking } = parts.to
  await awake(tracking, id, signal, async () => tracking.renameExperiment?.(id, name, signal))
  for (const [before, holder] of taken) if (holder === id) taken.delete(before)
  taken.set(name, id)
}

/** Notes which experiment of the target is the replica of which. One that could not be renamed goes on being it. */
export async function noteExperiments(
  { parts: { to, ledger }, experiments, signal }: Pass,
  targets: readonly TrackedExperiment[],
): Promise<void> {
  const marks = new Map(targets.map((one) => [one.name, markOf(one)]))
  for (const { id, name } of experiments.values()) {
    const [own, noted] = [marks.get(name), ledger.get(NOTED + id)]
    if (own === undefined || own === noted) continue
    if ((await notedReplica(to.tracking, noted, signal)) === undefined) ledger.put(NOTED + id, own)
  }
}

/** By what an experiment is known again: its id alone may be that of another one in a server that was made anew. */
function markOf({ id, created = '' }: TrackedExperiment): string {
  return `${id} ${created}`
}

/** The experiment of a note, if it is that one still. */
async function notedReplica(
  tracking: Tracking,
  noted: string | undefined,
  signal: AbortSignal,
): Promise<TrackedExperiment | undefined> {
  const [id] = noted?.split(' ') ?? []
  const there = id === undefined ? undefined : await tracking.experiment(id, signal)
  return there !== undefined && markOf(there) === noted ? there : undefined
}

function asideName(id: string): string {
  return `holdfast: is being renamed ${id}`
}

function isTaken(before: string, name: string): Fault {
  return new Fault('sync/conflict', `It was called ${before}, and is called so there; ${name} is another’s there`, {
    hint: `Rename or remove the other one at the target, or copy both at once, and run it again.`,
  })
}
