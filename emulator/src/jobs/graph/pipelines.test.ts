import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Answer } from '../../ml/test-region.ts'
import { JobRegion } from '../test-jobs.ts'

process.env['EMULATOR_ALLOCATION_SECONDS'] = '0.05'
const at = new JobRegion()

beforeAll(async () => {
  await at.open()
  await at.prepare(4)
  await component('step', {
    type: 'command',
    command: `echo "\${{inputs.text}}" > \${{outputs.o}}/text; $[[cat \${{inputs.d}}/text >> \${{outputs.o}}/text;]] \${{inputs.after}}`,
    environment: `azureml:${at.at('environments/env/versions/1')}`,
    inputs: {
      text: { type: 'string' },
      d: { type: 'uri_folder', optional: true },
      after: { type: 'string', default: 'true' },
    },
    outputs: { o: { type: 'uri_folder' } },
  })
  await component('two', {
    type: 'pipeline',
    inputs: { word: { type: 'string', default: 'inner' }, d: { type: 'uri_folder', optional: true } },
    outputs: { last: { type: 'uri_folder' } },
    jobs: {
      one: node({ text: inputs('word'), d: inputs('d') }),
      other: node({ text: 'other', d: output('one') }, { o: { value: promoted('last'), type: 'literal' } }),
    },
  })
})
afterAll(() => at.end())

const inputs = (name: string) => `\${{parent.inputs.${name}}}`
const promoted = (name: string) => `\${{parent.outputs.${name}}}`
const output = (node: string, name = 'o') => `\${{parent.jobs.${node}.outputs.${name}}}`

function component(name: string, componentSpec: unknown): Promise<Answer> {
  return at.made(`components/${name}/versions/1`, { componentSpec })
}

/** A node as clients write it: values are literals or references. */
function node(values: Readonly<Record<string, string>>, outputs = {}, more = {}): Record<string, unknown> {
  const bound = Object.entries(values).map(([name, value]) => [name, { value, job_input_type: 'literal' }])
  const componentId = at.at('components/step/versions/1')
  return { type: 'command', componentId, inputs: Object.fromEntries(bound), outputs, _source: 'BUILDER', ...more }
}

function pipeline(jobs: Readonly<Record<string, unknown>>, more: Readonly<Record<string, unknown>> = {}) {
  const settings = { default_compute: at.at('computes/cluster'), ...Object(more['settings']) }
  return { jobType: 'Pipeline', experimentName: 'graphs', jobs, ...more, settings }
}

/** Jobs of the nodes of a pipeline, by name of node, as run history and ARM have them. */
async function steps(name: string): Promise<Record<string, Answer>> {
  const found: Record<string, Answer> = {}
  const run = at.region.runs.need(at.workspaceId, name)
  for (const child of at.region.runs.children(run, { limit: 100 })) {
    found[child.properties['azureml.nodeid'] ?? ''] = await at.ask('GET', at.at(`jobs/${child.id}`))
  }
  return found
}

const statuses = async (name: string) =>
  Object.fromEntries(Object.entries(await steps(name)).map(([step, job]) => [step, job.at('properties.status')]))

const waiting = (file: string) => `while [ ! -e '${join(at.root, file)}' ]; do sleep 0.05; done`
const tell = (file: string) => writeFileSync(join(at.root, file), '')

describe('a pipeline', () => {
  it('runs its nodes in the order of what they read from each other, and has their outputs', async () => {
    await at.put('given/text', 'given\n')
    const shared = { o: { value: promoted('result'), type: 'literal', mode: 'Upload' } }
    const made = await at.made(
      'jobs/flow',
      pipeline(
        { b: node({ text: 'b', d: output('a') }, shared), a: node({ text: inputs('word'), d: inputs('data') }) },
        {
          inputs: {
            word: { jobInputType: 'literal', value: 'first' },
            data: { jobInputType: 'uri_folder', uri: 'azureml://datastores/workspaceblobstore/paths/given/' },
          },
          outputs: { result: { jobOutputType: 'uri_folder', assetName: 'flowed' } },
        },
      ),
    )
    expect([made.status, made.at('properties.status')]).toEqual([201, 'NotStarted'])

    expect(await at.reaches('flow', 'Completed', 'Failed')).toBe('Completed')
    expect(await at.stored('azureml/flow/result/text')).toBe('b\nfirst\ngiven\n')
    const { a, b } = await steps('flow')
    expect([a?.at('properties.jobType'), a?.at('properties.parentJobName')]).toEqual(['Command', 'flow'])
    expect(b?.at('properties.outputs.o')).toMatchObject({ mode: 'Upload' })
    const history = `https://eastus2.api.azureml.ms/history/v1.0${at.workspaceId}/runs`
    const child = await at.ask('GET', `${history}/${a?.at('name')}`)
    expect(child.at('rootRunId')).toBe('flow')
    expect((await at.ask('GET', `${history}/flow/children`)).at('value')).toHaveLength(2)
    const asset = await at.ask('GET', at.at('data/flowed/versions/1'))
    expect(asset.at('properties.dataUri')).toContain('azureml/flow/result')
    expect(await at.stored('ExperimentRun/dcid.flow/logs/azureml/executionlogs.txt', 'azureml')).toContain('(a)')
  })

  it('shows the place of an output as it was written, and puts it where its variables say', async () => {
    const uri = `azureml://datastores/workspaceblobstore/paths/\${{name}}/\${{output_name}}/`
    const step = node({ text: 'a' }, { o: { value: promoted('result'), type: 'literal' } })
    await at.made('jobs/placed', pipeline({ a: step }, { outputs: { result: { jobOutputType: 'uri_folder', uri } } }))

    expect(await at.reaches('placed', 'Completed', 'Failed')).toBe('Completed')
    expect((await at.ask('GET', at.at('jobs/placed'))).at('properties.outputs.result.uri')).toBe(uri)
    expect(await at.stored('placed/result/text')).toBe('a\n')
    const asset = await at.ask('GET', at.at('data/azureml_placed_output_data_result/versions/1'))
    expect(asset.at('properties.dataUri')).toContain('/paths/placed/result/')
  })

  it('reads the artifacts of a node', async () => {
    const a = node({ text: 'a', after: 'mkdir -p outputs; echo kept > outputs/text' })
    const b = node({ text: 'b', after: 'cp "$AZURE_ML_INPUT_d/outputs/text" "$AZURE_ML_OUTPUT_o/kept"' })
    const read = { ...Object(b['inputs']), d: { value: output('a', 'artifacts'), job_input_type: 'literal' } }
    const jobs = { a, b: { ...b, inputs: read, outputs: { o: { value: promoted('all') } } } }
    await at.made('jobs/kept', pipeline(jobs, { outputs: { all: { jobOutputType: 'uri_folder' } } }))
    await at.reaches('kept', 'Completed', 'Failed')

    expect(await at.stored('azureml/kept/all/kept')).toBe('kept\n')
  })

  it('is listed alone; its steps are children of its run', async () => {
    await at.made('jobs/listed', pipeline({ a: node({ text: 'a' }) }))
    await at.reaches('listed', 'Completed')

    const names = (await at.all(at.at('jobs'))).map(({ name }) => name)
    expect(names).toContain('listed')
    expect(names).not.toContain((await steps('listed'))['a']?.at('name'))
    expect((await at.all(`${at.at('jobs')}?jobType=Pipeline`)).map(({ name }) => name)).toContain('listed')
  })

  it('holds another pipeline as a node', async () => {
    const nested = { type: 'pipeline', componentId: at.at('components/two/versions/1') }
    const jobs = {
      prep: node({ text: 'prep' }),
      inner: { ...nested, inputs: { d: { value: output('prep'), job_input_type: 'literal' } }, outputs: {} },
      after: node({ text: 'after', d: output('inner', 'last') }, { o: { value: promoted('all') } }),
    }
    await at.made('jobs/nest', pipeline(jobs, { outputs: { all: { jobOutputType: 'uri_folder' } } }))

    expect(await at.reaches('nest', 'Completed', 'Failed')).toBe('Completed')
    expect(await at.stored('azureml/nest/all/text')).toBe('after\nother\ninner\nprep\n')
    const inner = String((await steps('nest'))['inner']?.at('name'))
    expect(Object.keys(await steps(inner)).sort()).toEqual(['one', 'other'])
    const grandchild = String((await steps(inner))['one']?.at('name'))
    const run = await at.ask('GET', `https://eastus2.api.azureml.ms/history/v1.0${at.workspaceId}/runs/${grandchild}`)
    expect([run.at('parentRunId'), run.at('rootRunId')]).toEqual([inner, 'nest'])
  })

  it('cancels the rest and fails where a node fails', async () => {
    const jobs = { bad: node({ text: 'x', after: 'exit 3' }), slow: node({ text: 'y', after: 'exec sleep 600' }) }
    await at.made('jobs/failing', pipeline({ ...jobs, never: node({ text: 'z', d: output('slow') }) }))

    expect(await at.reaches('failing', 'Completed', 'Failed')).toBe('Failed')
    expect(await statuses('failing')).toEqual({ bad: 'Failed', slow: 'Canceled' })
    const { details } = at.region.runs.need(at.workspaceId, 'failing')
    expect(details.error).toMatchObject({ error: { message: expect.stringContaining("'bad'") } })
  })

  it('goes on with the rest where it is told to, and fails in the end', async () => {
    const jobs = {
      bad: node({ text: 'x', after: 'exit 3' }),
      never: node({ text: 'z', d: output('bad') }),
      good: node({ text: 'y', after: 'sleep 0.5' }),
      last: node({ text: 'w', d: output('good') }),
    }
    await at.made('jobs/steady', pipeline(jobs, { settings: { continue_on_step_failure: true } }))

    expect(await at.reaches('steady', 'Completed', 'Failed')).toBe('Failed')
    expect(await statuses('steady')).toEqual({ bad: 'Failed', good: 'Completed', last: 'Completed' })
  })

  it('ends all of its jobs where it is cancelled, those of a pipeline within it too', async () => {
    const nested = { type: 'pipeline', componentId: at.at('components/two/versions/1') }
    const first = node({ text: 'x', after: `touch '${join(at.root, 'runs')}'; exec sleep 600` })
    const inner = { ...nested, inputs: { word: { value: `$(${waiting('never')})`, job_input_type: 'literal' } } }
    await at.made('jobs/ended', pipeline({ first, inner: { ...inner, outputs: {} } }))
    await at.until('a node runs', () => existsSync(join(at.root, 'runs')) || undefined)
    await at.until('the inner one runs', async () => Object.values(await statuses('ended')).length === 2 || undefined)

    const answer = await at.ask('POST', at.at('jobs/ended/cancel'))
    expect(answer.status).toBe(202)
    await at.ended(answer)

    expect(await at.status('ended')).toBe('Canceled')
    expect(await statuses('ended')).toEqual({ first: 'Canceled', inner: 'Canceled' })
  })

  it('never runs twice, and goes with its steps', async () => {
    const wanted = pipeline({ a: node({ text: 'a', after: waiting('once') }) })
    await at.made('jobs/once', wanted)
    const early = (await at.until('a step', async () => (await steps('once'))['a']))?.at('name')
    expect((await at.ask('DELETE', at.at(`jobs/${early}`))).status).toBe(400)
    tell('once')
    await at.reaches('once', 'Completed')
    expect((await at.made('jobs/once', { ...wanted, tags: { b: '2' } })).at('properties.tags')).toEqual({ b: '2' })
    const other = await at.ask('PUT', at.at('jobs/once'), { properties: pipeline({ a: node({ text: 'c' }) }) })
    expect(other.at('error.message')).toContain("the existing job's Jobs cannot be changed")

    await at.ended(await at.ask('DELETE', at.at('jobs/once')))

    expect((await at.ask('GET', at.at(`jobs/${early}`))).status).toBe(404)
  })
})

describe('a pipeline is refused', () => {
  it.each([
    ['with a component that is not there', { componentId: 'azureml:lost:1' }, 400, "'azureml:lost:1' was not found"],
    ['with a node of a type that does not run here', { type: 'do_while' }, 501, 'of type do_while'],
    ['on a compute that is not there', { computeId: 'nowhere' }, 400, "'nowhere' was not found"],
  ])('%s', async (_what, more, status, message) => {
    const properties = pipeline({ a: node({ text: 'a' }, {}, more) })
    const answer = await at.ask('PUT', at.at('jobs/refused'), { properties })

    expect([answer.status, answer.at('error.message')]).toEqual([status, expect.stringContaining(message)])
    expect((await at.ask('GET', at.at('jobs/refused'))).status).toBe(404)
  })

  it('without nodes', async () => {
    const answer = await at.ask('PUT', at.at('jobs/refused'), { properties: pipeline({}) })

    expect(answer.at('error.message')).toContain("'properties.jobs' is required")
  })
})

describe('when a region comes back', () => {
  it('a pipeline goes on from what had completed, and one whose node was lost has failed', async () => {
    const holders = ['1', '2', '3', '4'].map((n) => `holder${n}`)
    await at.made(
      'jobs/going',
      pipeline({ a: node({ text: 'a' }), b: node({ text: 'b', d: output('a'), after: waiting('b') }) }),
    )
    await at.until('b runs', async () => (await statuses('going'))['b'] === 'Running' || undefined)
    for (const name of holders) await at.submit(name, waiting('never'))
    await at.until('the cluster is full', async () => (await at.status('holder3')) === 'Running' || undefined)
    await at.made('jobs/queued', pipeline({ a: node({ text: 'a' }), b: node({ text: 'b', d: output('a') }) }))
    await at.until('a waits', async () => (await statuses('queued'))['a'] === 'Queued' || undefined)

    await at.reopen()

    expect(await at.reaches('going', 'Completed', 'Failed')).toBe('Failed')
    expect(await statuses('going')).toEqual({ a: 'Completed', b: 'Failed' })
    expect(await at.reaches('queued', 'Completed', 'Failed')).toBe('Completed')
    tell('never')
    await at.reaches('holder4', 'Completed', 'Failed')
  })
})

it('is made by a schedule, from the nodes of another pipeline too', async () => {
  await at.made('jobs/model', pipeline({ a: node({ text: 'a' }) }))
  await at.reaches('model', 'Completed')
  const trigger = { triggerType: 'Cron', expression: '0 3 * * *' }
  const jobDefinition = { jobType: 'Pipeline', sourceJobId: at.at('jobs/model'), experimentName: 'nightly' }
  await at.made('schedules/nightly', { trigger, action: { actionType: 'CreateJob', jobDefinition } })

  const answer = await at.ask('POST', at.at('schedules/nightly/trigger'), { scheduleTime: '2026-05-04T03:00:00Z' })

  expect(answer.at('submissionId')).toBe('nightly-20260504T030000Z')
  await at.reaches('nightly-20260504T030000Z', 'Completed')
  expect(await statuses('nightly-20260504T030000Z')).toEqual({ a: 'Completed' })
})
