import { describe, expect, it } from 'vitest'
import type { Address, Item, JsonObject } from './model.ts'
import { DEFAULT_DATASTORE } from './portable.ts'
import { chooseJobs, type JobChoice, type ResubmissionRules, resubmittedName } from './resubmission.ts'
import { item } from './snapshot.ts'

const CHECKPOINTS = 'azureml://<<hf:workspace-path>>/datastores/workspaceblobstore/paths/azureml/train-7/checkpoints/'

function job(name: string, properties: JsonObject = {}, needs: readonly Address[] = []): Item {
  return item(`job/${name}`, { properties: { jobType: 'Command', status: 'Running', ...properties } }, needs)
}

function choose(jobs: readonly Item[], more: Partial<ResubmissionRules> = {}): readonly JobChoice[] {
  return chooseJobs(jobs, {
    failover: 'f1',
    verified: () => true,
    rule: () => undefined,
    otherwise: 'secondary',
    shared: () => false,
    ...more,
  })
}

function submitted(of: Item, more: Partial<ResubmissionRules> = {}): JsonObject {
  const [first] = choose([of], more)
  if (first?.do !== 'submit') throw new Error('it was not chosen')
  return first.body['properties'] as JsonObject
}

describe('a candidate', () => {
  for (const status of ['NotStarted', 'Queued', 'Preparing', 'Running', 'Finalizing']) {
    it(`is a job last seen ${status}`, () => expect(choose([job('a', { status })])).toHaveLength(1))
  }

  for (const status of ['Completed', 'Failed', 'Canceled', 'CancelRequested', 'Paused', 'Unknown']) {
    it(`is not a job last seen ${status}`, () => expect(choose([job('a', { status })])).toEqual([]))
  }

  it('is not a step of a pipeline or a trial of a sweep', () => {
    expect(choose([job('step', { parentJobName: 'whole' }), job('whole')]).map((one) => one.name)).toEqual(['whole'])
  })
})

describe('where a job goes on', () => {
  it('is the secondary by default', () => {
    expect(choose([job('train-7')])).toMatchObject([{ do: 'submit', newName: 'train-7-f1' }])
  })

  it('is what its tag says, then what a rule says', () => {
    const rule = () => 'never' as const
    expect(choose([job('a', { tags: { 'holdfast.resubmit': 'primary' } })], { rule })).toMatchObject([{ do: 'wait' }])
    expect(choose([job('a')], { rule })).toMatchObject([{ do: 'leave' }])
    expect(choose([job('a')], { otherwise: 'primary' })).toMatchObject([{ do: 'wait' }])
  })

  it('is nowhere, if its tag cannot be read', () => {
    expect(choose([job('a', { tags: { 'holdfast.resubmit': 'no!' } })])).toMatchObject([{ do: 'leave' }])
  })

  it('is nowhere yet, while what it needs is not verified there', () => {
    const verified = (need: Address) => need !== 'data/d/1'
    const [first] = choose([job('a', {}, ['data/d/1', 'environment/e/1'])], { verified })
    expect(first).toMatchObject({ do: 'block', missing: ['data/d/1'] })
  })
})

describe('the new job', () => {
  it('is tagged with the old one and the failover, and keeps its own tags', () => {
    expect(submitted(job('a', { tags: { team: 'churn' } }))['tags']).toEqual({
      team: 'churn',
      'holdfast.resubmission-of': 'a',
      'holdfast.failover': 'f1',
    })
  })

  it('has no field that only Azure writes, and keeps every other, known or not', () => {
    const properties = submitted(
      job('a', {
        services: { Studio: {} },
        command: 'python train.py',
        future: { field: 1 },
        properties: { 'azureml.git.commit': 'x', _azureml: 'no', ContentSnapshotId: 'y', mine: 'z', '_azureml.X': '1' },
      }),
    )
    expect(properties).toMatchObject({ jobType: 'Command', command: 'python train.py', future: { field: 1 } })
    expect(properties['properties']).toEqual({ mine: 'z', _azureml: 'no' })
    for (const field of ['status', 'services', 'parentJobName']) expect(properties).not.toHaveProperty(field)
  })

  it('goes on writing where the checkpoints were replicated to, and gets logs of its own', () => {
    const outputs = {
      default: { uri: 'azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.train-7' },
      checkpoints: { jobOutputType: 'uri_folder', mode: 'ReadWriteMount', uri: CHECKPOINTS },
      fresh: { jobOutputType: 'uri_file' },
    }
    const properties = submitted(job('train-7', { outputs }))
    expect(properties['outputs']).toEqual({ checkpoints: outputs.checkpoints, fresh: outputs.fresh })
  })

  it('writes under a prefix of its own where the old one may still be writing', () => {
    const outputs = { checkpoints: { mode: 'ReadWriteMount', uri: CHECKPOINTS } }
    const [first] = choose([job('train-7', { outputs })], { shared: (datastore) => datastore === 'workspaceblobstore' })
    expect(first).toMatchObject({
      outputs: [{ output: 'checkpoints', from: CHECKPOINTS, to: `${CHECKPOINTS.slice(0, -1)}/holdfast-f1/` }],
      reason: expect.stringMatching(
        /begin empty; what it had written stays at datastores\/workspaceblobstore\/paths\//,
      ),
    })
    expect(choose([job('train-7', { outputs })])[0]?.reason).not.toContain('empty')
  })

  it('does so too where it is the default datastore that both sides share', () => {
    const uri = `azureml://datastores/\${{ default_datastore }}/paths/best/`
    const [first] = choose([job('train-7', { outputs: { best: { uri } } })], {
      shared: (datastore) => datastore === DEFAULT_DATASTORE,
    })
    expect(first).toMatchObject({ outputs: [{ to: `${uri}holdfast-f1/` }] })
  })

  it('follows references to where they were mapped', () => {
    const renamed = ({ body }: Item) => JSON.parse(JSON.stringify(body).replace('e:1', 'e:1-x')) as JsonObject
    expect(submitted(job('a', { environmentId: 'azureml:e:1' }), { renamed })['environmentId']).toBe('azureml:e:1-x')
  })

  it('is the same whenever it is chosen, in whatever order the jobs were seen', () => {
    const jobs = ['c', 'a', 'b'].map((name) => job(name))
    expect(choose(jobs)).toEqual(choose(jobs.toReversed()))
    expect(choose(jobs).map((one) => one.name)).toEqual(['a', 'b', 'c'])
  })
})

describe('the new name', () => {
  it('stays within what Azure takes, and tells long names apart', () => {
    const [one, other] = [resubmittedName(`${'x'.repeat(255)}`, 'f1'), resubmittedName(`${'x'.repeat(254)}y`, 'f1')]
    expect(one).toHaveLength(255)
    expect(one).not.toBe(other)
    expect(one.endsWith('-f1')).toBe(true)
  })
})
