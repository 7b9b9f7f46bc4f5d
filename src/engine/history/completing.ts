import { awakeRun } from '../../mlflow/awake.ts'
import { type Links, linksOf, type ModelLink } from '../../mlflow/logged-models.ts'
import type { TrackedRun } from '../../mlflow/tracking.ts'
import { inParallel } from './in-parallel.ts'
import { missingLinks } from './links.ts'
import { apart, type Pass, persistently } from './pass.ts'
import { acquaint } from './recent.ts'
import { converge, keyOf, PARENT, type Pending, RUNS_AT_ONCE, subjectOf, tagOf } from './runs.ts'

/** Parents and logged models, when all of them are there. One that is not is told, and costs the run nothing. */
export async function completeRuns(pass: Pass, pending: readonly Pending[]): Promise<void> {
  await inParallel(RUNS_AT_ONCE, pending, async ({ run, envelope }) => {
    await apart(pass, subjectOf(pass, run), async () => {
      const isWhole = [await withParent(pass, run), await persistently(() => withLinks(pass, run))].every(Boolean)
      if (isWhole && envelope !== undefined) pass.parts.ledger.put(keyOf(run), envelope)
    })
  })
}

async function withParent(pass: Pass, run: TrackedRun): Promise<boolean> {
  const parent = tagOf(run, PARENT)
  if (parent === undefined) return true
  await acquaint(pass, parent)
  if (pass.identities.run(parent) !== undefined) {
    // What the target does not take of it was told when it was made.
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
  const translated = { read: await translate(pass, links.read), made: await translate(pass, links.made) }
  const isThere = translated.read.length + translated.made.length === links.read.length + links.made.length
  const isWhole = (await link(pass, standing.info.run_id, missingLinks(translated, linksOf(standing)))) && isThere
  if (!isWhole) {
    pass.troubles.push({
      subject: subjectOf(pass, run),
      code: 'sync/loss',
      message: 'it names logged models that the target does not have',
    })
  }
  return isWhole
}

/** False where the target has no logged models to link to. */
async function link({ parts, signal }: Pass, id: string, lack: Links): Promise<boolean> {
  if (lack.read.length + lack.made.length === 0) return true
  await awakeRun(parts.to.tracking, id, signal, async () => parts.to.models?.link(id, lack, signal))
  return parts.to.models !== undefined
}

/** The same links by the ids of replicas. A logged model that is gone at the source goes on being named as it was. */
async function translate(
  { parts, identities, signal }: Pass,
  links: readonly ModelLink[],
): Promise<readonly ModelLink[]> {
  const found: ModelLink[] = []
  for (const { modelId, step } of links) {
    const id = identities.model(modelId)
    if (id !== undefined) found.push({ modelId: id, step })
    else if ((await parts.from.models?.model(modelId, signal)) === undefined) found.push({ modelId, step })
  }
  return found
}
