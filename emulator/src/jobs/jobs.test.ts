import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { JobRegion } from './test-jobs.ts'

process.env['EMULATOR_ALLOCATION_SECONDS'] = '0.05'
const at = new JobRegion()

beforeAll(async () => {
  await at.open()
  await at.prepare()
})
afterAll(() => at.end())

/** Waits, in a job's shell, for a file that the test makes. */
const waiting = (file: string) => `while [ ! -e '${join(at.root, file)}' ]; do sleep 0.05; done`
const tell = (file: string) => writeFileSync(join(at.root, file), '')
const LOG = (job: string) => `ExperimentRun/dcid.${job}/user_logs/std_log.txt`

const TRAIN = `
import { readFileSync, writeFileSync, renameSync, mkdirSync, existsSync } from 'node:fs'
const [data, model] = process.argv.slice(2)
console.log('rows', readFileSync(data, 'utf8').trim(), 'with rate', process.env.RATE)
writeFileSync(model + '/checkpoint.tmp', 'step 1')
renameSync(model + '/checkpoint.tmp', model + '/checkpoint')
while (!existsSync(process.env.GO)) await new Promise((resolve) => setTimeout(resolve, 20))
mkdirSync(model + '/final')
writeFileSync(model + '/final/weights', 'done')
writeFileSync('outputs/report.txt', 'fine')
`

describe('a command job', () => {
  it('runs with its code, inputs and outputs in place, and what it writes is in storage while it runs', async () => {
    await at.put('code/train.mjs', TRAIN)
    await at.put('data/rows.csv', '1,2,3\n')
    const codeUri = `https://teststore.blob.core.windows.net/${at.container}/code`
    await at.made('codes/train/versions/1', { codeUri })
    const made = await at.submit('train', `node train.mjs \${{inputs.rows}} \${{outputs.model}}`, {
      codeId: at.at('codes/train/versions/1'),
      experimentName: 'iris',
      inputs: {
        rows: { jobInputType: 'uri_file', uri: 'azureml://datastores/workspaceblobstore/paths/data/rows.csv' },
        rate: { jobInputType: 'literal', value: '0.1' },
      },
      outputs: { model: { jobOutputType: 'uri_folder' } },
      environmentVariables: { RATE: `\${{inputs.rate}}`, GO: join(at.root, 'train-go') },
    })
    expect(made.status).toBe(201)
    expect(made.at('properties.status')).toBe('NotStarted')

    expect(await at.until('a checkpoint', () => at.stored('azureml/train/model/checkpoint'))).toBe('step 1')
    expect(await at.status('train')).toBe('Running')
    await at.until('a log', async () => (await at.stored(LOG('train'), 'azureml')) || undefined)
    tell('train-go')

    expect(await at.reaches('train', 'Completed', 'Failed')).toBe('Completed')
    expect(await at.stored('azureml/train/model/final/weights')).toBe('done')
    expect(await at.stored(LOG('train'), 'azureml')).toBe('rows 1,2,3 with rate 0.1\n')
    expect(await at.stored('ExperimentRun/dcid.train/outputs/report.txt', 'azureml')).toBe('fine')
    const run = at.region.runs.need(at.workspaceId, 'train')
    expect([run.status, run.experimentName, run.end !== null]).toEqual(['Completed', 'iris', true])
    const asset = await at.ask('GET', at.at('data/azureml_train_output_data_model/versions/1'))
    expect(asset.at('properties.dataUri')).toContain('/datastores/workspaceblobstore/paths/azureml/train/model/')
    expect(run.details.outputs).toMatchObject({ model: { type: 'UriFolder' } })
    const told = at.region.activity.since(0, 10_000).filter((line) => line.operation === 'job_status')
    const statuses = told.filter((line) => line.subject.endsWith('/train')).map((line) => JSON.parse(line.facts ?? ''))
    const course = ['Queued', 'Preparing', 'Running', 'Finalizing', 'Completed']
    expect(statuses.map(({ status }) => status)).toEqual(course)
    await at.until('its folder is gone', () => readdirSync(join(at.region.dir, 'jobs')).length === 0 || undefined)
  })

  it('starts its mounted output with what is there, and keeps the uploaded one to itself until the end', async () => {
    await at.put('ckpt/state', 'step 41')
    await at.submit('resume', `cat \${{outputs.ckpt}}/state; echo > $AZURE_ML_OUTPUT_late/x; ${waiting('resume-go')}`, {
      outputs: {
        ckpt: { jobOutputType: 'uri_folder', uri: 'azureml://datastores/workspaceblobstore/paths/ckpt' },
        late: { jobOutputType: 'uri_folder', mode: 'Upload' },
      },
    })

    await at.until('its log', async () => (await at.stored(LOG('resume'), 'azureml')) || undefined)
    expect(await at.stored('azureml/resume/late/x')).toBeUndefined()
    tell('resume-go')

    await at.reaches('resume', 'Completed')
    expect(await at.stored(LOG('resume'), 'azureml')).toBe('step 41')
    expect(await at.stored('azureml/resume/late/x')).toBe('\n')
  })

  it('sees what a job in Azure sees, and nothing of the environment of the emulator', async () => {
    process.env['OF_THE_EMULATOR'] = 'secret'
    await at.submit('env', 'env | sort > outputs/env.txt; pwd; test -d "$HOME"')
    await at.reaches('env', 'Completed')

    const text = (await at.stored('ExperimentRun/dcid.env/outputs/env.txt', 'azureml')) ?? ''
    const seen = Object.fromEntries(text.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)))
    expect(seen).toMatchObject({
      MLFLOW_RUN_ID: 'env',
      AZUREML_RUN_ID: 'env',
      MLFLOW_EXPERIMENT_NAME: 'Default',
      AZUREML_ARM_WORKSPACE_NAME: 'ws',
      MLFLOW_TRACKING_URI: `azureml://eastus2.api.azureml.ms/mlflow/v1.0${at.workspaceId}`,
      NODE_EXTRA_CA_CERTS: join(at.root, 'ca.pem'),
    })
    expect(seen['OF_THE_EMULATOR']).toBeUndefined()
    expect((await at.region.tokens.verify(seen['MLFLOW_TRACKING_TOKEN'] ?? ''))?.audience).toContain('management')
  })

  it('registers a model under the name that its output asks for, and another job reads it by that name', async () => {
    const model = { jobOutputType: 'custom_model', assetName: 'net' }
    await at.submit('maker', 'echo 42 > $AZURE_ML_OUTPUT_model/w', { outputs: { model } })
    await at.reaches('maker', 'Completed')
    const input = { jobInputType: 'custom_model', uri: 'azureml:net@latest' }
    await at.submit('user', 'cat $AZURE_ML_INPUT_model/w', { inputs: { model: input } })
    await at.reaches('user', 'Completed', 'Failed')

    expect(await at.stored(LOG('user'), 'azureml')).toBe('42\n')
    expect((await at.ask('GET', at.at('models/net/versions/1'))).at('properties.jobName')).toBe('maker')
  })

  it('fails with its exit code, in words that the SDK prints', async () => {
    await at.submit('wrong', 'echo broken >&2; exit 7')

    expect(await at.reaches('wrong', 'Completed', 'Failed')).toBe('Failed')
    const { details } = at.region.runs.need(at.workspaceId, 'wrong')
    expect(details.error).toMatchObject({ error: { message: expect.stringContaining('status code 7') } })
    expect(await at.stored(LOG('wrong'), 'azureml')).toBe('broken\n')
  })

  it('fails where an input is not there, and says which', async () => {
    await at.submit('lacking', 'true', {
      inputs: { data: { jobInputType: 'uri_folder', uri: 'azureml:nothing:1' } },
    })

    await at.reaches('lacking', 'Failed')
    const { details } = at.region.runs.need(at.workspaceId, 'lacking')
    expect(details.error).toMatchObject({ error: { message: expect.stringContaining('azureml:nothing:1') } })
  })

  it('is canceled where it runs longer than its limit', async () => {
    await at.submit('slow', 'exec sleep 600', { limits: { jobLimitsType: 'Command', timeout: 'PT1S' } })

    expect(await at.reaches('slow', 'Failed', 'Canceled', 'Completed')).toBe('Canceled')
  })

  it('is not canceled by a limit longer than any timer', async () => {
    await at.submit('patient', 'sleep 0.2', { limits: { jobLimitsType: 'Command', timeout: 'P30D' } })

    expect(await at.reaches('patient', 'Failed', 'Canceled', 'Completed')).toBe('Completed')
  })
})

describe('a cancellation', () => {
  it('ends a running command, and keeps what it had written', async () => {
    await at.submit('long', 'echo half > outputs/half; echo $$ > outputs/pid; exec sleep 600')
    const pid = await at.until('its pid', () => at.stored('ExperimentRun/dcid.long/outputs/pid', 'azureml'))
    const answer = await at.ask('POST', at.at('jobs/long/cancel'))
    expect(answer.status).toBe(202)

    expect((await at.ended(answer)).status).toBe(204)
    expect(await at.status('long')).toBe('Canceled')
    expect(await at.stored('ExperimentRun/dcid.long/outputs/half', 'azureml')).toBe('half\n')
    expect(
      existsSync(`/proc/${pid.trim()}`) && !/State:\s+Z/.test(readFileSync(`/proc/${pid.trim()}/status`, 'utf8')),
    ).toBe(false)
  })

  it('takes a waiting job out of the queue, and lets the next one go first', async () => {
    await at.submit('holder', waiting('holder-go'))
    await at.reaches('holder', 'Running')
    await at.submit('second', 'true')
    await at.submit('third', 'true')
    await at.reaches('third', 'Queued')

    const answer = await at.ask('POST', at.at('jobs/second/cancel'))
    await at.ended(answer)
    expect(await at.status('second')).toBe('Canceled')
    expect(await at.status('third')).toBe('Queued')
    tell('holder-go')

    await at.reaches('third', 'Completed')
    expect(at.region.runs.need(at.workspaceId, 'second').start).toBeNull()
  })

  it('changes nothing of a job that has ended', async () => {
    await at.submit('over', 'true')
    await at.reaches('over', 'Completed')

    expect((await at.ask('POST', at.at('jobs/over/cancel'))).status).toBe(200)
    expect(await at.status('over')).toBe('Completed')
  })
})

describe('a second PUT of a job', () => {
  it('never starts it again, and changes what may change', async () => {
    const first = await at.submit('twice', 'echo run >> outputs/runs', { tags: { a: '1' } })
    await at.reaches('twice', 'Completed')

    const again = await at.made('jobs/twice', at.command('echo run >> outputs/runs', { tags: { b: '2' } }))
    const archived = await at.made('jobs/twice', { ...Object(again.at('properties')), isArchived: true })

    expect([first.status, again.status, archived.status]).toEqual([201, 200, 200])
    expect(archived.at('properties')).toMatchObject({ status: 'Completed', isArchived: true, tags: { a: '1', b: '2' } })
    expect(await at.stored('ExperimentRun/dcid.twice/outputs/runs', 'azureml')).toBe('run\n')
    const [listed, all] = [await at.all(at.at('jobs')), await at.all(`${at.at('jobs')}?listViewType=All`)]
    expect([listed.length, all.some((job) => job.name === 'twice')]).toEqual([all.length - 1, true])
  })

  it('is refused where it would change what the job does', async () => {
    await at.submit('fixed', 'true')

    const answer = await at.ask('PUT', at.at('jobs/fixed'), { properties: at.command('false') })

    expect([answer.status, answer.at('error.code')]).toEqual([400, 'UserError'])
    expect(answer.at('error.message')).toContain("the existing job's Command cannot be changed")
  })
})

it('lists jobs newest first, by type, tag and property', async () => {
  await at.submit('tagged', 'true', { tags: { team: 'a' }, properties: { origin: 'test' } })
  const names = async (query: string) => (await at.all(`${at.at('jobs')}?${query}`)).map(({ name }) => name)

  expect((await names('jobType=Command'))[0]).toBe('tagged')
  expect(await names('jobType=Pipeline')).toEqual([])
  expect(await names('tag=team')).toEqual(['tagged'])
  expect(await names('properties=origin=test')).toEqual(['tagged'])
})

describe('a job is refused', () => {
  const INPUT = { jobInputType: 'uri_folder', uri: 'azureml://datastores/workspaceblobstore/paths/x', mode: 'Download' }
  const OUTPUT = { jobOutputType: 'uri_folder' }

  it.each([
    ['on a compute that is not there', { computeId: 'nowhere' }, 400, "The compute target 'nowhere' was not found"],
    ['for more nodes than there are', { resources: { instanceCount: 2 } }, 400, 'asks for 2 nodes'],
    ['with code that is not there', { codeId: 'azureml:lost:1' }, 400, "refers to 'azureml:lost:1'"],
    ['without a command', { command: '' }, 400, "'properties.command' is required"],
    ['with an input whose name climbs', { inputs: { '../../../x': INPUT } }, 400, 'The input name "../../../x"'],
    ['with an input whose name is a path', { inputs: { '/tmp/x': INPUT } }, 400, 'The input name "/tmp/x"'],
    ['with an output whose name climbs', { outputs: { '../../../x': OUTPUT } }, 400, 'The output name "../../../x"'],
    ['with an output named as the folder above', { outputs: { '..': OUTPUT } }, 400, 'The output name ".."'],
    ['with an input that is no object', { inputs: { i: 'x' } }, 400, "'properties.inputs.i.jobInputType' is required"],
    ['with an output of no type', { outputs: { o: {} } }, 400, "'properties.outputs.o.jobOutputType' is required"],
    ['with a limit that is no duration', { limits: { timeout: '1h' } }, 400, "'properties.limits.timeout' is '1h'"],
    ['of a type that does not run here', { jobType: 'Base' }, 501, 'jobs_create_or_update with jobType Base'],
  ])('%s', async (_name, more, status, message) => {
    const answer = await at.ask('PUT', at.at('jobs/refused'), { properties: at.command('true', more) })

    expect([answer.status, answer.at('error.message')]).toEqual([status, expect.stringContaining(message)])
    expect((await at.ask('GET', at.at('jobs/refused'))).status).toBe(404)
    expect(at.region.runs.get(at.workspaceId, 'refused')).toBeUndefined()
  })
})

it('takes an input and an output that are null for none', async () => {
  await at.submit('nulls', 'true', { inputs: { i: null }, outputs: { o: null } })
  expect(await at.reaches('nulls', 'Completed', 'Failed')).toBe('Completed')
})

it('deletes only a job that has ended, and its run with it', async () => {
  await at.submit('gone', waiting('gone-go'))
  expect((await at.ask('DELETE', at.at('jobs/gone'))).status).toBe(400)
  tell('gone-go')
  await at.reaches('gone', 'Completed')

  await at.ended(await at.ask('DELETE', at.at('jobs/gone')))

  expect((await at.ask('GET', at.at('jobs/gone'))).status).toBe(404)
  expect(at.region.runs.need(at.workspaceId, 'gone').stage).toBe('deleted')
})
