import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { JobRegion } from '../test-jobs.ts'

process.env['EMULATOR_ALLOCATION_SECONDS'] = '0.05'
const at = new JobRegion()

beforeAll(async () => {
  await at.open()
  await at.prepare(4)
})
afterAll(() => at.end())

const space = (name: string) => `\${{search_space.${name}}}`

/** A sweep as its properties are sent; its trials run with the shell. */
function sweep(command: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    jobType: 'Sweep',
    computeId: at.at('computes/cluster'),
    trial: { command, environmentId: at.at('environments/env/versions/1') },
    searchSpace: { lr: ['choice', [[0.1, 0.3, 0.2]]] },
    samplingAlgorithm: { samplingAlgorithmType: 'Grid' },
    objective: { goal: 'maximize', primaryMetric: 'acc' },
    limits: { jobLimitsType: 'Sweep', maxTotalTrials: 10, maxConcurrentTrials: 3 },
    ...more,
  }
}

/** Reports a metric for a run, as its command would with MLflow. */
async function report(run: string, value: number, step = 0): Promise<void> {
  await at.region.db.write(() => {
    const found = at.region.runs.need(at.workspaceId, run)
    at.region.runs.log(found, { metrics: [{ key: 'acc', value, timestamp: Date.now(), step }] })
  })
}

async function trials(name: string) {
  const run = at.region.runs.need(at.workspaceId, name)
  const found = at.region.runs.children(run, { limit: 100 })
  return Promise.all(found.map(async ({ id }) => (await at.ask('GET', at.at(`jobs/${id}`))).at('properties') as Trial))
}

interface Trial {
  readonly status: string
  readonly displayName: string
  readonly tags: Readonly<Record<string, string>>
  readonly outputs: Readonly<Record<string, { readonly uri: string }>>
}

const parameters = async (name: string) =>
  (await trials(name)).map(({ tags }) => JSON.parse(tags['hyperparameters'] ?? '{}'))

/** Waits, in a trial's shell, for a file that the test makes. */
const waiting = (file: string) => `while [ ! -e '${join(at.root, file)}' ]; do sleep 0.05; done`
const tell = (file: string) => writeFileSync(join(at.root, file), '')

const count = (name: string, wanted: number) =>
  at.until(`${wanted} trials of ${name}`, async () => ((await trials(name)).length === wanted ? true : undefined))

describe('a sweep', () => {
  it('runs a trial for each point of its grid, and its outputs are those of the best', async () => {
    const outputs = { model: { jobOutputType: 'uri_folder', assetName: 'swept' } }
    await at.made('jobs/grid', sweep(`echo ${space('lr')} > \${{outputs.model}}/lr; ${waiting('grid')}`, { outputs }))
    await count('grid', 3)
    for (const [n, value] of [0.5, 0.9, 0.7].entries()) await report(`grid_${n}`, value)
    tell('grid')

    expect(await at.reaches('grid', 'Completed', 'Failed')).toBe('Completed')
    expect(await parameters('grid')).toEqual([{ lr: 0.1 }, { lr: 0.3 }, { lr: 0.2 }])
    const job = await at.ask('GET', at.at('jobs/grid'))
    expect(job.at('properties.properties')).toMatchObject({ best_child_run_id: 'grid_1', score: '0.9' })
    expect(job.at('properties.outputs.model.uri')).toContain('grid_1/model')
    expect(await at.stored('azureml/grid_1/model/lr')).toBe('0.3\n')
    expect((await at.ask('GET', at.at('data/swept/versions/1'))).at('properties.dataUri')).toContain('grid_1')
    const run = at.region.runs.need(at.workspaceId, 'grid')
    expect([run.status, run.properties['best_child_run_id']]).toEqual(['Completed', 'grid_1'])
    expect((await at.all(at.at('jobs'))).map(({ name }) => name)).toEqual(['grid'])
  })

  it('draws the same points for the same seed, and as many trials as it may', async () => {
    const limits = { jobLimitsType: 'Sweep', maxTotalTrials: 4, maxConcurrentTrials: 2 }
    const seeded = {
      searchSpace: { lr: ['uniform', [0, 1]], layers: ['randint', [4]] },
      samplingAlgorithm: { samplingAlgorithmType: 'Random', seed: 7 },
      limits,
    }
    await at.made('jobs/first', sweep(`echo ${space('lr')} ${space('layers')}`, seeded))
    await at.made('jobs/second', sweep(`echo ${space('lr')}`, seeded))
    await at.made('jobs/other', sweep('true', { ...seeded, samplingAlgorithm: { samplingAlgorithmType: 'Bayesian' } }))
    for (const name of ['first', 'second', 'other']) expect(await at.reaches(name, 'Completed')).toBe('Completed')

    expect(await parameters('first')).toHaveLength(4)
    expect(await parameters('second')).toEqual(await parameters('first'))
    expect(await parameters('other')).not.toEqual(await parameters('first'))
    const [point] = await parameters('first')
    const log = await at.stored('ExperimentRun/dcid.first_0/user_logs/std_log.txt', 'azureml')
    expect(log).toBe(`${point.lr} ${point.layers}\n`)
  })

  it('has no more trials at once than it may', async () => {
    const limits = { jobLimitsType: 'Sweep', maxTotalTrials: 3, maxConcurrentTrials: 1 }
    await at.made('jobs/narrow', sweep(waiting('narrow'), { limits }))
    await at.reaches('narrow_0', 'Running')
    expect(await trials('narrow')).toHaveLength(1)
    tell('narrow')

    expect(await at.reaches('narrow', 'Completed')).toBe('Completed')
    expect(await trials('narrow')).toHaveLength(3)
  })

  it('ends the trials that its policy finds hopeless', async () => {
    const earlyTermination = { policyType: 'Bandit', slackFactor: 0.1, evaluationInterval: 1 }
    await at.made('jobs/strict', sweep(waiting('strict'), { earlyTermination }))
    for (const n of [0, 1, 2]) await at.reaches(`strict_${n}`, 'Running')
    for (const [n, value] of [0.5, 0.9, 0.89].entries()) await report(`strict_${n}`, value)

    expect(await at.reaches('strict_0', 'Canceled')).toBe('Canceled')
    tell('strict')
    expect(await at.reaches('strict', 'Completed')).toBe('Completed')
    expect((await trials('strict')).map(({ status }) => status)).toEqual(['Canceled', 'Completed', 'Completed'])
  })

  it('is canceled with its trials where its time is over, and where somebody cancels it', async () => {
    const limits = { jobLimitsType: 'Sweep', maxTotalTrials: 2, maxConcurrentTrials: 2, timeout: 'PT1S' }
    await at.made('jobs/late', sweep('exec sleep 600', { limits }))
    await at.made('jobs/ended', sweep('exec sleep 600'))
    await at.reaches('ended_2', 'Queued', 'Running')
    await at.ended(await at.ask('POST', at.at('jobs/ended/cancel')))

    expect(await at.status('ended')).toBe('Canceled')
    expect(await at.reaches('late', 'Canceled', 'Failed', 'Completed')).toBe('Canceled')
    const all = [...(await trials('ended')), ...(await trials('late'))]
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set(['Canceled']))
  })

  it('fails where no trial completes', async () => {
    await at.made('jobs/poor', sweep('exit 1'))

    expect(await at.reaches('poor', 'Completed', 'Failed')).toBe('Failed')
  })

  it('fails with the reason where a trial cannot be made, and ends the others', async () => {
    await at.submit('taken_1', 'true')
    await at.made('jobs/taken', sweep('exec sleep 600'))

    expect(await at.reaches('taken', 'Completed', 'Failed')).toBe('Failed')
    expect((await trials('taken')).map(({ status }) => status)).toEqual(['Canceled'])
    const { details } = at.region.runs.need(at.workspaceId, 'taken')
    expect(JSON.stringify(details)).toContain('taken_1')
  })

  it('is not looked at any more when it is gone', async () => {
    await at.made('jobs/left', sweep(waiting('left')))
    await at.reaches('left_2', 'Running')
    await at.region.db.write(() => at.region.resources.remove(at.at('jobs/left')))
    tell('left')
    for (const n of [0, 1, 2]) await at.reaches(`left_${n}`, 'Completed')
    await sleep(1200)
    const write = vi.spyOn(at.region.db, 'write')
    await sleep(1500)
    expect(write).not.toHaveBeenCalled()
    write.mockRestore()
  })

  it('goes on when its region comes back', async () => {
    const limits = { jobLimitsType: 'Sweep', maxTotalTrials: 3, maxConcurrentTrials: 1 }
    await at.made('jobs/back', sweep(waiting('back'), { limits }))
    await at.reaches('back_0', 'Running')

    await at.reopen()
    tell('back')

    expect(await at.reaches('back', 'Completed', 'Failed')).toBe('Completed')
    expect((await trials('back')).map(({ status }) => status)).toEqual(['Failed', 'Completed', 'Completed'])
  })
})

describe('a sweep is refused', () => {
  it.each([
    ['without a space', { searchSpace: {} }, "'properties.searchSpace' is required"],
    ['with a grid of what cannot be listed', { searchSpace: { lr: ['uniform', [0, 1]] } }, "'lr' is uniform"],
    ['without a goal', { objective: { primaryMetric: 'acc' } }, 'it is Maximize or Minimize'],
    ['without a command', { trial: {} }, "'properties.trial.command' is required"],
    [
      'with an output named as a path',
      { outputs: { 'a/b': { jobOutputType: 'uri_folder' } } },
      'The output name "a/b"',
    ],
    ['with an output of no type', { outputs: { o: {} } }, "'properties.outputs.o.jobOutputType' is required"],
    [
      'with a limit that is no duration',
      { limits: { trialTimeout: 'soon' } },
      "'properties.limits.trialTimeout' is 'soon'",
    ],
  ])('%s', async (_what, more, message) => {
    const answer = await at.ask('PUT', at.at('jobs/refused'), { properties: sweep('true', more) })

    expect([answer.status, answer.at('error.message')]).toEqual([400, expect.stringContaining(message)])
  })
})
