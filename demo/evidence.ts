import { readFileSync } from 'node:fs'
import { isDeepStrictEqual, styleText } from 'node:util'
import type { FailoverReport } from '../src/engine/report.ts'
import { type Audit, type AuditedSide, audit } from './audit.ts'
import type { Cloud } from './cloud.ts'
import { TOTAL_EPOCHS } from './estate.ts'
import type { Played } from './story.ts'
import { freshNetwork, readExamples, trainEpoch } from './training/network.ts'
import { type Acknowledged, witness } from './witness.ts'

/** What `demo-evidence.json` holds. Its fields are described in docs/formats/demo-evidence.md. */
export interface Evidence {
  readonly format: 'holdfast-demo-evidence/1'
  readonly at: string
  /** Seconds from the kill to the resubmitted training job running. */
  readonly secondsToRunning: number
  readonly report: FailoverReport
  /** What the lost region acknowledged, compared with what the other has. */
  readonly audit: Audit
  readonly jobs: {
    /** Old job → the jobs in the standby that took its place. */
    readonly resubmitted: Readonly<Record<string, readonly string[]>>
    readonly submittedTwice: readonly string[]
    /** What ran or fired in the returned region after its return. Must be nothing. */
    readonly ranAfterReturn: readonly string[]
  }
  readonly training: {
    readonly verifiedCheckpointEpoch: number
    readonly firstResumedEpoch: number
    readonly epochs: number
    /** The final model, number by number, against one trained here without an interruption. */
    readonly sameModelAsUndisturbed: boolean
  }
  readonly pointer: { readonly before: string; readonly after: string }
  /** Every rule of the demo, and whether it held. */
  readonly verdicts: readonly { readonly rule: string; readonly held: boolean }[]
}

export async function evidenceOf(played: Played): Promise<Evidence> {
  const { control, cloud, estate, standby, report, killedAt, runningAgainAt, pointers } = played
  const [from, to] = [await sideOf(cloud, estate.workspace), await sideOf(cloud, standby.workspace)]
  const [primary, secondary] = [await witness(control, from.location), await witness(control, to.location)]
  const recoveryPoint = Date.parse(report.recoveryPoint ?? '')
  const found = await audit({
    cloud,
    from,
    to,
    lines: primary.filter((line) => Date.parse(line.at) <= killedAt && line.client !== 'holdfast'),
    recoveryPoint,
    named: namesIn(report),
  })
  const jobs = { ...resubmissionsIn(secondary, to.workspace), ranAfterReturn: ranAfter(primary, played.returnedAt) }
  const training = await trainingFacts(played, to)
  const facts = {
    report,
    audit: found,
    jobs,
    training,
    pointer: pointers,
    secondsToRunning: (runningAgainAt - killedAt) / 1000,
  }
  return {
    format: 'holdfast-demo-evidence/1',
    at: new Date().toISOString(),
    ...facts,
    verdicts: verdictsOf(facts, standby.workspace),
  }
}

export function isGood({ verdicts }: Evidence): boolean {
  return verdicts.every(({ held }) => held)
}

function verdictsOf(
  { audit: found, jobs, training, pointer, report }: Omit<Evidence, 'format' | 'at' | 'verdicts'>,
  standby: string,
): Evidence['verdicts'] {
  const { verifiedCheckpointEpoch: verified, firstResumedEpoch: first } = training
  return [
    {
      rule: 'everything acknowledged until the recovery point is in the other region, and equal',
      held: found.broken.length === 0,
    },
    { rule: 'everything acknowledged later is there too, or named', held: found.silent.length === 0 },
    { rule: 'no job was submitted twice', held: jobs.submittedTwice.length === 0 },
    {
      rule: 'the training job was resubmitted',
      held: report.jobs.some((job) => job.is === 'submitted' && job.job === 'train-iris'),
    },
    {
      rule: 'it went on at the epoch after the verified checkpoint, not at the first',
      held: first === verified + 1 && first > 1,
    },
    { rule: 'the final model equals that of an undisturbed run', held: training.sameModelAsUndisturbed },
    { rule: 'nothing ran or fired in the region that came back', held: jobs.ranAfterReturn.length === 0 },
    {
      rule: 'config.json points to the workspace in charge',
      held: pointer.after !== pointer.before && standby.endsWith(`/${pointer.after}`),
    },
    {
      rule: 'looking again found nothing missing and nothing different',
      held: report.verified.missing.length + report.verified.different.length === 0,
    },
  ]
}

async function sideOf(cloud: Cloud, workspace: string): Promise<AuditedSide> {
  const found = (await cloud.arm('GET', workspace)) as {
    location: string
    properties: { workspaceId: string; storageAccount: string }
  }
  const { workspaceId, storageAccount } = found.properties
  return {
    workspace,
    workspaceId,
    storage: storageAccount.split('/').at(-1) ?? '',
    location: found.location.replaceAll(' ', '').toLowerCase(),
  }
}

/** Everything that the report names as lost, kept under another name, or left to a person. */
function namesIn({ loss, returned = [] }: FailoverReport): ReadonlySet<string> {
  const left = returned.filter(({ is }) => is !== 'carried' && is !== 'merged')
  return new Set([...loss.map(({ address }) => address), ...left.map(({ address }) => address)])
}

function resubmissionsIn(
  lines: readonly Acknowledged[],
  workspace: string,
): Pick<Evidence['jobs'], 'resubmitted' | 'submittedTwice'> {
  const resubmitted: Record<string, string[]> = {}
  const times = new Map<string, number>()
  for (const { operation, subject, body, status } of lines) {
    if (
      operation !== 'jobs_create_or_update' ||
      body === null ||
      !subject.toLowerCase().startsWith(workspace.toLowerCase())
    )
      continue
    const name = subject.split('/').at(-1) ?? ''
    // 201 is a job that came to be; 200 is one that was there already.
    if (status === 201) times.set(name, (times.get(name) ?? 0) + 1)
    const origin = (JSON.parse(body) as { properties?: { tags?: Record<string, string> } }).properties?.tags?.[
      'holdfast.resubmission-of'
    ]
    if (origin !== undefined) resubmitted[origin] = [...new Set([...(resubmitted[origin] ?? []), name])]
  }
  const twice = [...times].filter(([, count]) => count > 1).map(([name]) => name)
  const doubled = Object.entries(resubmitted)
    .filter(([, names]) => names.length > 1)
    .map(([origin]) => origin)
  return { resubmitted, submittedTwice: [...twice, ...doubled] }
}

const RAN = new Set(['Preparing', 'Running', 'Finalizing', 'Completed'])

function ranAfter(lines: readonly Acknowledged[], returnedAt: number): string[] {
  return lines
    .filter((line) => line.plane === 'jobs' && Date.parse(line.at) >= returnedAt)
    .filter(
      (line) =>
        line.operation === 'schedule_fired' ||
        RAN.has(String((JSON.parse(line.facts ?? '{}') as { status?: string }).status)),
    )
    .map((line) => `${line.operation} ${line.subject.split('/').at(-1)}`)
}

async function trainingFacts(
  { cloud, standby, jobs, checkpointEpoch }: Played,
  to: AuditedSide,
): Promise<Evidence['training']> {
  const found = await cloud.mlflow(standby.workspace, 'GET', `mlflow/runs/get?run_id=${jobs.resubmitted}`)
  const { data } = found['run'] as { data: { tags?: { key: string; value: string }[] } }
  const job = (await cloud.arm('GET', `${standby.workspace}/jobs/${jobs.resubmitted}`)) as {
    properties: { outputs: Record<string, { uri?: string }> }
  }
  const path = job.properties.outputs['model']?.uri?.replace(/^.*\/paths\//, '').replace(/\/$/, '')
  const bytes = await cloud.blob(to.storage, `azureml-blobstore-${to.workspaceId}`, `${path}/model.json`)
  const trained = bytes === undefined ? undefined : (JSON.parse(bytes.toString('utf8')) as unknown)
  return {
    verifiedCheckpointEpoch: checkpointEpoch,
    firstResumedEpoch: Number(data.tags?.find(({ key }) => key === 'first.epoch')?.value ?? 0),
    epochs: TOTAL_EPOCHS,
    sameModelAsUndisturbed: isDeepStrictEqual(trained, undisturbed()),
  }
}

/** The model as it comes out where nothing happens. */
function undisturbed(): unknown {
  const { examples, species } = readExamples(readFileSync(new URL('./data/iris.csv', import.meta.url), 'utf8'))
  let network = freshNetwork(examples[0]?.features.length ?? 0, species.length, 7)
  for (let epoch = 1; epoch <= TOTAL_EPOCHS; epoch++) network = trainEpoch(network, examples, { seed: 7, epoch })
  return { species, network }
}

/** The report that a person enjoys: a page at most, figures first. */
export function printEvidence(evidence: Evidence, stream: NodeJS.WriteStream, path: string): void {
  const { report, audit: found, training, secondsToRunning, verdicts } = evidence
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    styleText(style, text, { stream, validateStream: true })
  const say = (text = '') => void stream.write(`${text}\n`)
  const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`
  say()
  say(paint('bold', `Work went on ${secondsToRunning.toFixed(1)} s after East US 2 was killed.`))
  const { detect, decide, execute, verify } = report.times
  say(
    `  detect ${seconds(detect)}   decide ${seconds(decide)}   execute ${seconds(execute)}   verify ${seconds(verify)}`,
  )
  const behind = Date.parse(report.lastAnswered ?? '') - Date.parse(report.recoveryPoint ?? '')
  say(
    `  recovery point ${(report.recoveryPoint ?? '').slice(11, 23)}, ${seconds(Math.max(0, behind))} before the last answer`,
  )
  say()
  for (const { at, what } of report.timeline)
    say(`  ${paint('dim', at.slice(11, 23))}  ${what.split(': control is down')[0]}`)
  say()
  const kinds = Object.entries(found.compared).map(([kind, count]) => `${count} ${kind}`)
  say(`Compared with the emulator’s own record of ${found.acknowledgements} acknowledged writes: ${kinds.join(', ')}.`)
  say(
    `Training went on at epoch ${training.firstResumedEpoch} of ${training.epochs}, after the checkpoint of epoch ${training.verifiedCheckpointEpoch}.`,
  )
  say()
  say(
    report.loss.length === 0
      ? 'Nothing is on the loss list.'
      : 'The loss list at the failover (what came back later is not lost any more):',
  )
  for (const { address, is, why } of report.loss)
    say(`  ${readable(address)}: ${is === 'whole' ? 'all of it' : 'its last moments'}, ${why}`)
  for (const finding of report.returned ?? []) {
    if (finding.is === 'aside')
      say(`  kept on both sides: ${readable(finding.address)}, theirs as ${readable(finding.as).split('/').at(-1)}`)
    if (finding.is === 'conflict') say(`  ${paint('yellow', 'conflict')} ${readable(finding.address)}: ${finding.why}`)
  }
  say()
  for (const { rule, held } of verdicts) say(`  ${held ? paint('green', '✓') : paint('red', '✗')} ${rule}`)
  for (const { subject, why } of [...found.broken, ...found.silent].slice(0, 20))
    say(`    ${paint('red', subject)}: ${why}`)
  say()
  say(`The same facts are in ${path}.`)
}

function readable(address: string): string {
  return decodeURIComponent(address).replace(/<<hf:([a-z-]+)>>/g, '‹$1›')
}
