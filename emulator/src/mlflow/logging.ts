import type { Reply } from '../call.ts'
import { exact, instant } from '../exact.ts'
import type { Link, Point, Run } from '../history/run-types.ts'
import { subjectOf } from '../history/scope.ts'
import { absent, invalid, ok, pythonText } from './answers.ts'
import type { Fields } from './fields.ts'
import { checkKey, LIMITS, limited, tagsOf } from './names.ts'
import type { Request, Row } from './request.ts'
import { needActiveRun } from './runs.ts'

export const LOGGING_ROWS: readonly Row[] = [
  ['POST', 'runs/log-metric', 'logMetric', logMetric],
  ['POST', 'runs/log-parameter', 'logParam', logParameter],
  ['POST', 'runs/log-batch', 'logBatch', logBatch],
  ['POST', 'runs/log-batch-async', 'logBatchAsync', logBatchAsync],
  ['GET', 'runs/get-run-data-status', 'getRunDataStatus', () => ok({ is_complete: true })],
  ['POST', 'runs/set-tag', 'setTag', setTag],
  ['POST', 'runs/delete-tag', 'deleteTag', deleteTag],
  ['POST', 'runs/log-inputs', 'logInputs', logInputs],
  ['POST', 'runs/outputs', 'logOutputs', logOutputs],
  ['POST', 'runs/log-model', 'logModel', logModel],
]

const CUT_TAGS = { limit: LIMITS.tagValue, cut: true } as const
const CUT_PARAMS = { limit: LIMITS.paramValue, cut: true } as const

function logMetric(request: Request): Promise<Reply> {
  needId(request)
  const point = pointOf(request.fields, '')
  return change(request, (run) => request.region.runs.log(run, { metrics: [point] }))
}

function pointOf(fields: Fields, path: string): Point {
  fields.needAll('key', 'value', 'timestamp')
  const key = fields.need('key')
  const value = fields.needDouble('value')
  const timestamp = fields.needInteger('timestamp')
  checkKey(key, { path: `${path}name`, label: 'Metric name' })
  if (timestamp < 0) {
    throw invalid(
      `Invalid value ${timestamp} for parameter '${path}timestamp' supplied: metric '${key}' (value=${fields.raw('value')}). Timestamp must be a nonnegative long (64-bit integer) `,
    )
  }
  return {
    key,
    value,
    timestamp: instant(timestamp, `a time of the metric ${key}`),
    step: exact(fields.integer('step') ?? 0, `a step of the metric ${key}`),
  }
}

function logParameter(request: Request): Promise<Reply> {
  needId(request)
  const { key, value } = paramOf(request.fields, '')
  return change(request, (run) => {
    const old = request.region.runs.param(run, key)
    if (old !== undefined && old !== value) {
      throw invalid(
        `Changing param values is not allowed. Param with key='${key}' was already logged with value='${old}' for run ID='${run.id}'. Attempted logging new value '${value}'.`,
      )
    }
    request.region.runs.log(run, { params: { [key]: value } })
  })
}

function paramOf(fields: Fields, path: string): { key: string; value: string } {
  const key = fields.need('key')
  checkKey(key, { path: `${path}key`, label: 'Param key' })
  return { key, value: limited(fields.text('value') ?? '', 'Param value', CUT_PARAMS) }
}

async function logBatch(request: Request): Promise<Reply> {
  return ok({}, (await batch(request)).note)
}

/** Microsoft's plugin logs in this way when asked to: the answer's id may be asked for until the data are there. */
async function logBatchAsync(request: Request): Promise<Reply> {
  const { note } = await batch(request)
  return ok({ batch_tracking_id: request.call.id }, note)
}

async function batch(request: Request): Promise<Reply> {
  const { fields, call } = request
  needId(request)
  await checkSize(request)
  const metrics = fields.objects('metrics').map((point, index) => pointOf(point, `metrics[${index}].`))
  const listed = fields.objects('params').map((param, index) => paramOf(param, `params[${index}].`))
  const params = Object.fromEntries(listed.map(({ key, value }) => [key, value]))
  const tags = tagsOf(fields, CUT_TAGS)
  const twice = listed.map(({ key }) => key).filter((key, index, keys) => keys.indexOf(key) !== index)
  if (twice.length > 0) {
    throw invalid(
      `Duplicate parameter keys have been submitted: [${twice.map((key) => `'${key}'`).join(', ')}]. Please ensure the request contains only one param value per param key.`,
    )
  }
  return call.commit(() => {
    const run = needActiveRun(request)
    const fresh = newParams(request, run, params)
    request.region.runs.log(run, { metrics, params: fresh, tags })
    return ok({}, { subject: subjectOf(request.scope, run.id) })
  })
}

/** Parameters that the run does not have yet. Refuses the whole batch where one is there with another value. */
function newParams(request: Request, run: Run, params: Readonly<Record<string, string>>): Record<string, string> {
  const fresh: Record<string, string> = {}
  const conflicts: { key: string; old: string; value: string }[] = []
  for (const [key, value] of Object.entries(params)) {
    const old = request.region.runs.param(run, key)
    if (old === undefined) fresh[key] = value
    else if (old !== value) conflicts.push({ key, old, value })
  }
  if (conflicts.length > 0) {
    const shown = conflicts.map(
      ({ key, old, value }) =>
        `{'key': ${pythonText(key)}, 'old_value': ${pythonText(old)}, 'new_value': ${pythonText(value)}}`,
    )
    throw invalid(
      `Changing param values is not allowed. Params were already logged='[${shown.join(', ')}]' for run ID='${run.id}'.`,
    )
  }
  return fresh
}

async function checkSize({ fields, call }: Request): Promise<void> {
  const counts = { metrics: fields.list('metrics'), params: fields.list('params'), tags: fields.list('tags') }
  const limits = { metrics: LIMITS.metricsPerBatch, params: LIMITS.paramsPerBatch, tags: LIMITS.tagsPerBatch }
  for (const [kind, list] of Object.entries(counts)) {
    checkCount(list.length, limits[kind as keyof typeof limits], kind)
  }
  const total = Object.values(counts).reduce((sum, list) => sum + list.length, 0)
  checkCount(total, LIMITS.entitiesPerBatch, 'metrics, params, and tags')
  const size = (await call.bytes()).length
  if (size > LIMITS.batchBytes) {
    throw invalid(`Batched logging API requests must be at most ${LIMITS.batchBytes} bytes, got ${size} bytes.`)
  }
}

function checkCount(count: number, limit: number, what: string): void {
  if (count <= limit) return
  throw invalid(
    `A batch logging request can contain at most ${limit} ${what}. Got ${count} ${what}. Please split up ${what} across multiple requests and try again.`,
  )
}

function setTag(request: Request): Promise<Reply> {
  needId(request)
  const key = request.fields.need('key')
  checkKey(key, { path: 'key', label: 'key' })
  const value = limited(request.fields.text('value') ?? '', 'value', CUT_TAGS)
  return change(request, (run) => request.region.runs.setTags(run, { [key]: value }))
}

function deleteTag(request: Request): Promise<Reply> {
  needId(request)
  const key = request.fields.need('key')
  return change(request, (run) => {
    if (request.region.runs.removeTag(run, key)) return
    throw absent(`No tag with name: ${key} in run with id ${run.id}`)
  })
}

/** What MLflow shows of a dataset that came without a field. */
const NO_DATASET = { name: '', digest: '', source_type: '', source: '' }

const DATASET_TEXTS = [...Object.keys(NO_DATASET), 'schema', 'profile']

/** A dataset as MLflow shows it: schema and profile only where they say something. */
function datasetOf(given: object | undefined): object {
  const entries = Object.entries(given ?? {}).filter(([key, value]) => value !== '' || Object.hasOwn(NO_DATASET, key))
  return { ...NO_DATASET, ...Object.fromEntries(entries) }
}

function logInputs(request: Request): Promise<Reply> {
  needId(request)
  // What a run reads were datasets alone before MLflow 3.
  if (request.fields.raw('models') === undefined) request.fields.needAll('datasets')
  const datasets = request.fields.objects('datasets').map((input): Link => {
    const dataset = input.object('dataset')
    const given = input.raw('dataset') as object | undefined
    for (const field of DATASET_TEXTS) dataset?.text(field)
    for (const tag of input.objects('tags')) for (const field of ['key', 'value']) tag.text(field)
    const name = dataset?.text('name') ?? ''
    return {
      kind: 'dataset',
      name: JSON.stringify([name, dataset?.text('digest') ?? '']),
      body: { ...(input.list('tags').length === 0 ? {} : { tags: input.raw('tags') }), dataset: datasetOf(given) },
    }
  })
  const models = request.fields.objects('models').map(
    (model): Link => ({
      kind: 'model-input',
      name: model.need('model_id'),
      body: { model_id: model.need('model_id') },
    }),
  )
  return change(request, (run) => request.region.runs.link(run, [...datasets, ...models]))
}

function logOutputs(request: Request): Promise<Reply> {
  needId(request)
  const models = request.fields.objects('models').map((model): Link => {
    const id = model.need('model_id')
    const step = exact(model.integer('step') ?? 0, `a step of the model ${id}`)
    return { kind: 'model-output', name: `${id}@${step}`, body: { model_id: id, step } }
  })
  return change(request, (run) => request.region.runs.link(run, models))
}

const HISTORY_TAG = 'mlflow.log-model.history'
const MODEL_FIELDS = ['artifact_path', 'flavors', 'utc_time_created', 'run_id'] as const

function logModel(request: Request): Promise<Reply> {
  needId(request)
  const model = modelOf(request.fields.need('model_json'))
  return change(request, (run) => {
    const { runs } = request.region
    const history = JSON.parse(runs.tags(run)[HISTORY_TAG] ?? '[]') as unknown[]
    runs.setTags(run, { [HISTORY_TAG]: JSON.stringify([...history, model]) })
  })
}

function modelOf(text: string): object {
  let model: unknown
  try {
    model = JSON.parse(text)
  } catch {
    throw invalid(`Malformed model info. \n ${text} \n is not a valid JSON.`)
  }
  const absentFields = MODEL_FIELDS.filter((field) => typeof model !== 'object' || model === null || !(field in model))
  if (absentFields.length > 0) {
    throw invalid(`Model json is missing mandatory fields: {${absentFields.map((field) => `'${field}'`).join(', ')}}`)
  }
  return model as object
}

/** MLflow looks for the run's id before anything else in the request. */
function needId({ fields }: Request): void {
  if (!fields.text('run_uuid')) fields.need('run_id')
}

function change(request: Request, work: (run: Run) => void): Promise<Reply> {
  return request.call.commit(() => {
    const run = needActiveRun(request)
    work(run)
    return ok({}, { subject: subjectOf(request.scope, run.id) })
  })
}
