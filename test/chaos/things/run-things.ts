import type { Answer } from '../client.ts'
import { labelOf, textOf } from '../labelled-text.ts'
import { type Desk, explained, found, type ThingKind, Unexplained } from './thing.ts'

const POINTS = 20
const LONGEST_PARAMETER = 5000
/** A run of the load has one experiment per site. */
const EXPERIMENT = 'chaos'

const hostOf = ({ site }: Desk) => `https://${site.region}.api.azureml.ms`
const apiOf = (desk: Desk, path: string) => `${hostOf(desk)}/mlflow/v2.0${desk.site.workspace}/api/2.0/mlflow/${path}`
const runsOf = (desk: Desk) => `${hostOf(desk)}/history/v1.0${desk.site.workspace}/experiments/${EXPERIMENT}/runs`

async function change(desk: Desk, path: string, body: object, method = 'POST'): Promise<Answer> {
  return explained(await desk.client.send(method, apiOf(desk, path), { body }), `${method} ${path}`)
}

async function ask(desk: Desk, path: string): Promise<Answer | undefined> {
  return found(await desk.client.send('GET', apiOf(desk, path)), path)
}

interface Pair {
  readonly key: string
  readonly value: string
}

interface Run {
  readonly info: { readonly run_id: string }
  readonly data: { readonly tags?: readonly Pair[]; readonly params?: readonly Pair[] }
}

/** A run made through run history with the client's id; each further write is one batch of points, parameter and tag. */
const LOGGED_RUN: ThingKind = {
  name: 'run with batches',
  longest: LONGEST_PARAMETER,
  grows: true,
  write: async (desk, label, now) => {
    const runId = `r-${desk.name}`
    if (now === undefined) {
      const body = { runId, status: 'Running', parameters: { [label]: textOf(label) }, tags: { last: label } }
      const answer = await desk.client.send('PATCH', `${runsOf(desk)}/${runId}`, { body })
      return explained(answer, 'PATCH of a run')
    }
    const metrics = Array.from({ length: POINTS }, (_, step) => ({
      key: label,
      value: step / 2,
      timestamp: step,
      step,
    }))
    const params = [{ key: label, value: textOf(label) }]
    return change(desk, 'runs/log-batch', { run_id: runId, metrics, params, tags: [{ key: 'last', value: label }] })
  },
  read: async (desk) => {
    const runId = `r-${desk.name}`
    const run = (await ask(desk, `runs/get?run_id=${runId}`))?.at('run') as Run | undefined
    if (run === undefined) return undefined
    const order = (label: string) => Number(label.split('.')[1])
    const params = run.data.params ?? []
    const labels = params.map(({ value }) => labelOf(value)).toSorted((a, b) => order(a) - order(b))
    const last = run.data.tags?.find(({ key }) => key === 'last')?.value
    if (last !== labels.at(-1)) return `damaged: the tag says ${last}, the parameters ${labels.at(-1)}`
    for (const label of labels.slice(1)) {
      const history = await ask(desk, `metrics/get-history?run_id=${runId}&metric_key=${label}`)
      const points = (history?.at('metrics') ?? []) as readonly { readonly value: number }[]
      const whole = points.length === POINTS && points.every(({ value }, step) => value === step / 2)
      if (!whole) return `damaged: ${points.length} points of ${label}`
    }
    return labels.join(',')
  },
}

/** A run made through MLflow, whose id the server gives: found by a tag. */
const TAGGED_RUN: ThingKind = {
  name: 'run of MLflow',
  longest: LONGEST_PARAMETER,
  write: async (desk, label, now) => {
    const tag = { key: 'mark', value: textOf(label) }
    if (now !== undefined) {
      return change(desk, 'runs/set-tag', { run_id: (await runOf(desk))?.info.run_id, ...tag })
    }
    return change(desk, 'runs/create', { experiment_id: '0', tags: [{ key: 'thing', value: desk.name }, tag] })
  },
  read: async (desk) => {
    const run = await runOf(desk)
    const mark = run?.data.tags?.find(({ key }) => key === 'mark')
    return run === undefined ? undefined : labelOf(mark?.value ?? '')
  },
  remove: async (desk) => change(desk, 'runs/delete', { run_id: (await runOf(desk))?.info.run_id }),
}

async function runOf(desk: Desk): Promise<Run | undefined> {
  const body = { experiment_ids: ['0'], filter: `tags.thing = '${desk.name}'` }
  const answer = await desk.client.send('POST', apiOf(desk, 'runs/search'), { body, reads: true })
  if (answer.status !== 200) throw new Unexplained(`runs/search was answered ${answer.status}: ${answer.text}`)
  return (answer.at('runs') as readonly Run[] | undefined)?.[0]
}

interface FoundExperiment {
  readonly experiment_id: string
  readonly lifecycle_stage: string
  readonly tags?: readonly Pair[]
}

async function experimentOf(desk: Desk): Promise<FoundExperiment | undefined> {
  const answer = await ask(desk, `experiments/get-by-name?experiment_name=x-${desk.name}`)
  return answer?.at('experiment') as FoundExperiment | undefined
}

const EXPERIMENT_THING: ThingKind = {
  name: 'experiment',
  longest: LONGEST_PARAMETER,
  buries: true,
  write: async (desk, label, now) => {
    const tag = { key: 'mark', value: textOf(label) }
    if (now === undefined) return change(desk, 'experiments/create', { name: `x-${desk.name}`, tags: [tag] })
    const { experiment_id } = (await experimentOf(desk)) ?? {}
    return change(desk, 'experiments/set-experiment-tag', { experiment_id, ...tag })
  },
  read: async (desk) => {
    const experiment = await experimentOf(desk)
    if (experiment?.lifecycle_stage !== 'active') return undefined
    return labelOf(experiment.tags?.find(({ key }) => key === 'mark')?.value ?? '')
  },
  remove: async (desk) => {
    const { experiment_id } = (await experimentOf(desk)) ?? {}
    return change(desk, 'experiments/delete', { experiment_id })
  },
}

const REGISTERED_MODEL: ThingKind = {
  name: 'registered model',
  longest: LONGEST_PARAMETER,
  write: (desk, label, now) => {
    const body = { name: `m-${desk.name}`, description: textOf(label) }
    if (now === undefined) return change(desk, 'registered-models/create', body)
    return change(desk, 'registered-models/update', body, 'PATCH')
  },
  read: async (desk) => {
    const answer = await ask(desk, `registered-models/get?name=m-${desk.name}`)
    return answer === undefined ? undefined : labelOf(String(answer.at('registered_model.description')))
  },
  remove: (desk) => change(desk, 'registered-models/delete', { name: `m-${desk.name}` }, 'DELETE'),
}

/** Versions that the server numbers, of one model of the site. */
const MODEL_VERSION: ThingKind = {
  name: 'versions of a registered model',
  longest: LONGEST_PARAMETER,
  grows: true,
  write: (desk, label) => {
    const tags = [
      { key: 'thing', value: desk.name },
      { key: 'mark', value: textOf(label) },
    ]
    const source = 'azureml://datastores/workspaceblobstore/paths/m'
    return change(desk, 'model-versions/create', { name: 'numbered', source, tags })
  },
  read: async (desk) => {
    const filter = encodeURIComponent(`name='numbered' and tags.thing = '${desk.name}'`)
    const answer = await ask(desk, `model-versions/search?filter=${filter}&max_results=10000`)
    type Version = { readonly version: string; readonly tags: readonly Pair[] }
    const versions = ((answer?.at('model_versions') ?? []) as readonly Version[]).toSorted(
      (a, b) => Number(a.version) - Number(b.version),
    )
    const labels = versions.map(({ tags }) => labelOf(tags.find(({ key }) => key === 'mark')?.value ?? ''))
    return labels.length === 0 ? undefined : labels.join(',')
  },
}

const ARTIFACT: ThingKind = {
  name: 'artifact',
  longest: 200_000,
  write: async (desk, label) => {
    const answer = await desk.client.send('PUT', artifactOf(desk), { body: Buffer.from(textOf(label)) })
    return explained(answer, 'PUT of an artifact')
  },
  read: async (desk) => {
    const answer = found(await desk.client.send('GET', artifactOf(desk)), 'an artifact')
    return answer === undefined ? undefined : labelOf(answer.text)
  },
  remove: async (desk) => explained(await desk.client.send('DELETE', artifactOf(desk)), 'DELETE of an artifact'),
}

function artifactOf(desk: Desk): string {
  return apiOf(desk, '').replace(/mlflow\/$/, `mlflow-artifacts/artifacts/a/${desk.name}.txt`)
}

/** Run history, tracking, model registry and artifacts. */
export const RUN_THINGS: readonly ThingKind[] = [
  LOGGED_RUN,
  TAGGED_RUN,
  EXPERIMENT_THING,
  REGISTERED_MODEL,
  MODEL_VERSION,
  ARTIFACT,
]
