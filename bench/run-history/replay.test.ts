import { expect, it } from 'vitest'
import { type Call, jobsOf } from './replay.ts'

const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(32)) as [string, string, string]
const [ownA, ownB] = ['1', '2'].map((digit) => digit.repeat(32)) as [string, string]

function call(path: string, ids: readonly string[], side: Call['side'] = 'source'): Call {
  const creates = path === 'create'
  return { side, method: 'GET', path, type: '', body: Buffer.alloc(0), ids, creates }
}

it('sends a call that reads of several runs once, before those that came after it, and all others with their run', () => {
  const { jobs, runs } = jobsOf([
    call('search', []),
    call('bulk', [A, B]),
    call('create', [A, ownA], 'target'),
    call('create', [B, ownB], 'target'),
    call('files', [B]),
    call('log', [ownA], 'target'),
    call('child of a', [ownB, ownA], 'target'),
    call('not carried', [C]),
  ])
  expect(runs).toBe(2)
  expect(jobs.map((job) => job.map(({ path }) => path))).toEqual([
    ['bulk'],
    ['create', 'log'],
    ['create', 'files', 'child of a'],
  ])
})

it('counts a run that is read of together with others that were not carried as its own', () => {
  const { jobs } = jobsOf([call('create', [A, ownA], 'target'), call('bulk', [C, A])])
  expect(jobs.map((job) => job.map(({ path }) => path))).toEqual([['create', 'bulk']])
})
